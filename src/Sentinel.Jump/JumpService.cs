using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Jump.Keys;
using Sentinel.Jump.KeySync;
using Sentinel.Jump.Placement;
using Sentinel.Jump.Routes;
using Sentinel.Jump.Users;

namespace Sentinel.Jump;

/// <summary>
/// Feeds the private sshd: users and their keys, stable addresses, tunnels. Order of calls: <see cref="Commit"/> at the start
/// and at each reload, <see cref="Start"/> once listeners answer.
/// </summary>
public sealed class JumpService : IAsyncDisposable
{
    private readonly PoolTable _pools;
    private readonly UserDirectory _users;
    private readonly JumpMeter _meter = new();
    private readonly RouteKeeper _routes;
    private bool _isLoaded;
    private bool _isStopped;

    /// <param name="directory">Where everything is kept.</param>
    /// <param name="pools">Tells where VMs are, and when they are back.</param>
    /// <param name="loops">Is told that the loops go on.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Where to log.</param>
    public JumpService(string directory, PoolTable pools, LoopRegistry loops, TimeProvider time, ILoggerFactory loggers)
    {
        var logger = loggers.CreateLogger("Sentinel.Jump");
        _pools = pools;
        _users = new(logger);
        KeySync = new(directory, _users, _meter, pools, loops, time, logger);
        Placement = new(directory, _users, KeySync, pools, time, logger);
        _routes = new(pools, loops, time, logger);
    }

    /// <summary>Who is where, and placing them.</summary>
    public PlacementDesk Placement { get; }

    /// <summary>Fetching users from backends.</summary>
    public KeySyncDesk KeySync { get; }

    /// <summary>Puts settings in force; null: there is no jump host. Cannot fail.</summary>
    public void Commit(JumpSettings? settings)
    {
        if (settings is not null && !_isLoaded)
        {
            Placement.Load();
            _isLoaded = true;
        }

        var snapshot = _pools.Current;
        _users.Know(settings is null ? [] : snapshot.Backends.Values.Select(backend => backend.Definition));
        _users.Configure(settings?.Users ?? [], KeysOf);
        KeySync.Configure(settings, settings?.Pool is { } pool && snapshot.Pools.TryGetValue(pool, out var members)
            ? [.. members.Members.Select(backend => backend.Id)] : [.. snapshot.Backends.Keys]);
        Placement.Configure(settings);
        _routes.Configure(settings);
    }

    /// <summary>Begins to fetch and to write.</summary>
    public void Start()
    {
        KeySync.Start();
        _routes.Start();
    }

    /// <summary>Ends everything.</summary>
    /// <param name="hasSuccessor">Whether another daemon takes over at once.</param>
    public async Task StopAsync(bool hasSuccessor)
    {
        if (_isStopped)
        {
            return;
        }

        _isStopped = true;
        await Placement.DisposeAsync().ConfigureAwait(false);
        await KeySync.DisposeAsync().ConfigureAwait(false);
        await _routes.StopAsync(leave: hasSuccessor).ConfigureAwait(false);
        _meter.Dispose();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync(hasSuccessor: false).ConfigureAwait(false);

    private static IEnumerable<AuthorizedKey> KeysOf(UserSettings user) => user.Keys.Select(AuthorizedKey.TryParse).OfType<AuthorizedKey>();
}
