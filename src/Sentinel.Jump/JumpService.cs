using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Jump.Addresses;
using Sentinel.Jump.Clients;
using Sentinel.Jump.Files;
using Sentinel.Jump.Keys;
using Sentinel.Jump.KeySync;
using Sentinel.Jump.Placement;
using Sentinel.Jump.Routes;
using Sentinel.Jump.Sessions;
using Sentinel.Jump.Tunnels;
using Sentinel.Jump.Upstream;
using Sentinel.Jump.Users;

namespace Sentinel.Jump;

/// <summary>
/// Feeds the private sshd: users and their keys, stable addresses, tunnels. Order of calls: <see cref="Prepare"/> and
/// <see cref="Commit"/> at the start and at each reload, <see cref="Start"/> once listeners answer.
/// </summary>
public sealed class JumpService : IAsyncDisposable
{
    private const int KeyRounds = 10;

    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _admitting = new();
    private readonly JumpPlaces _places;
    private readonly PoolTable _pools;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly UserDirectory _users;
    private readonly JumpMeter _meter = new();
    private readonly RouteKeeper _routes;
    private readonly StableAddresses _addresses;
    private readonly KeyReader _keys;
    private readonly FileKeeper _files;
    private readonly KnownHosts _knownHosts;
    private readonly RouteMarks _marks;
    private readonly LoopRegistry _registry;
    private volatile JumpSettings? _settings;
    private volatile Entrance? _entrance;
    private ImmutableArray<BackendDefinition> _backends = [];
    private ImmutableArray<AuthorizedKey> _authorities = [];
    private ImmutableHashSet<string> _admitted = [];
    private int _departures;
    private volatile bool _isCommitting;
    private SessionWatch? _sessions;
    private Task[] _loops = [];
    private bool _isLoaded;
    private bool _isStopped;

    /// <param name="directory">Where everything is kept.</param>
    /// <param name="pools">Tells where VMs are, and when they are back.</param>
    /// <param name="loops">Is told that the loops go on.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Where to log.</param>
    public JumpService(string directory, PoolTable pools, LoopRegistry loops, TimeProvider time, ILoggerFactory loggers)
    {
        _logger = loggers.CreateLogger("Sentinel.Jump");
        (_places, _pools, _registry, _time) = (new(directory), pools, loops, time);
        _users = new(_logger);
        UpstreamKeys = new(_places, time, _logger);
        KeySync = new(directory, _users, () => UpstreamKeys.Lines, _meter, pools, loops, time, _logger);
        Placement = new(directory, _users, KeySync, () => UpstreamKeys.Lines, pools, time, _logger);
        _routes = new(pools, loops, time, _logger);
        _addresses = new(_places, _logger);
        _keys = new(_logger);
        _files = new(_places, _users, _addresses, loops, time, _logger);
        _marks = new(_places);
        _knownHosts = new(_places, pools, _addresses, _marks, loops, time, _logger);
        _users.Changed += _files.Invalidate;
        _users.Changed += Admit;
        UpstreamKeys.Changed += GiveKeys;
    }

    /// <summary>Who is where, and placing them.</summary>
    public PlacementDesk Placement { get; }

    /// <summary>Fetching users from backends.</summary>
    public KeySyncDesk KeySync { get; }

    /// <summary>The sentinel's own keys for backends.</summary>
    public UpstreamKeys UpstreamKeys { get; }

    /// <summary>Gives every backend its stable addresses. Changes nothing that anybody could see.</summary>
    /// <exception cref="IOException">They cannot be kept.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public IReadOnlyCollection<StableAddress> Prepare(JumpSettings settings, IReadOnlyCollection<BackendId> backends)
    {
        // sshd comes by as whoever logs in.
        PublicFiles.CreateDirectory(Path.GetDirectoryName(_places.Directory)!);
        PublicFiles.CreateDirectory(_places.Directory);
        return _addresses.Give(backends, settings.Addresses);
    }

    /// <summary>Puts settings in force; null: there is no jump host. Cannot fail.</summary>
    public void Commit(JumpSettings? settings)
    {
        if (settings is not null && !_isLoaded)
        {
            Placement.Load();
            _knownHosts.Load();
            UpstreamKeys.Load();
            _admitted = KeyFile.NamesIn(_places.JumpKeys + JumpPlaces.PrincipalsEnding);
            _isLoaded = true;
        }

        // What is in between is nobody's wish.
        _isCommitting = true;
        var snapshot = _pools.Current;
        BackendDefinition[] backends = [.. snapshot.Backends.Values.Select(backend => backend.Definition)];
        _settings = settings;
        _knownHosts.Port = settings?.StablePort ?? 0;
        UpstreamKeys.Agent = settings?.Login?.OwnAgent;
        _users.Know(settings is null ? [] : backends);
        _users.Configure(settings?.Users ?? [], _keys.Of);
        _files.Configure(settings, backends);
        KeySync.Configure(settings, settings?.Pool is { } pool && snapshot.Pools.TryGetValue(pool, out var members)
            ? [.. members.Members.Select(backend => backend.Id)] : [.. snapshot.Backends.Keys]);
        _backends = [.. backends];
        _authorities = _keys.OfAuthorities(settings?.TrustedUserCaFile);
        _keys.Keep([.. (settings?.Users ?? []).Select(user => user.KeysFile), settings?.TrustedUserCaFile]);
        Placement.Configure(settings);
        _routes.Configure(settings);
        _isCommitting = false;
        Admit();
    }

    /// <summary>Begins to fetch and to write.</summary>
    public void Start()
    {
        _loops = [_files.RunAsync(Look, _stop.Token), _knownHosts.RunAsync(_stop.Token), MakeKeysAsync()];
        KeySync.Start();
        _routes.Start();
        _sessions = new(() => _entrance, _marks, _registry, _time, _logger);
        _sessions.Start();
    }

    /// <summary>The ~/.ssh/config that a user needs.</summary>
    /// <param name="name">The user.</param>
    /// <param name="sentinel">Its own name.</param>
    /// <param name="byLogin">Whether he logs in here, or jumps.</param>
    /// <param name="trouble">Why there is none, as a sentence; null if there is one.</param>
    public string? ClientConfigurationOf(string name, string sentinel, bool byLogin, out string? trouble)
    {
        trouble = null;
        if (_settings is not { } settings)
        {
            trouble = "There is no jump host; that takes \"ssh\" in the configuration.";
        }
        else if (!_users.Users.TryGetValue(name, out var user))
        {
            trouble = "There is no user of that name.";
        }
        else if (byLogin && settings.Login is null)
        {
            trouble = "Users do not log in here, they jump; logging in takes \"login\": {} in \"ssh\".";
        }
        else
        {
            var client = new ClientConfiguration(settings, sentinel, OwnKey.Public(_places.HostKey));
            var home = user.Backend is { } backend ? _addresses.Of(backend) : null;
            var keys = home is null ? [] : _knownHosts.Of(home.Backend);
            return byLogin ? client.Login(user)
                : client.Jump(user, home, keys.IsEmpty ? null : keys[0], new([.. _pools.Current.Backends.Values.Select(one => one.Definition)], _addresses.Of, settings.StablePort));
        }

        return null;
    }

    /// <summary>Puts the next of the sentinel's own keys in force alone.</summary>
    /// <param name="anyhow">Also where backends do not have it.</param>
    /// <param name="cancellationToken">Abandons it while nothing has changed.</param>
    /// <returns>Why it was not, as a sentence; null if it was.</returns>
    public async Task<string?> FinishRotationAsync(bool anyhow, CancellationToken cancellationToken)
    {
        if (!anyhow && _settings is { } settings && UpstreamKeys.Next is { } next)
        {
            var trial = new KeyTrial(_places, _pools, _users, KeySync, _addresses, _time);
            var objections = await trial.ObjectionsAsync(UpstreamKeys.NextFile, next, settings.StablePort, cancellationToken).ConfigureAwait(false);
            if (objections.Count > 0)
            {
                return $"Not every backend has the next key: {string.Join("; ", objections)}. Both keys stay in force. Give it to them and say 'sentinel ssh-key finish' again, or put it in force all the same by --force.";
            }
        }

        return await UpstreamKeys.FinishAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Forgets a backend's host key, so that the one it shows next is believed.</summary>
    public bool ForgetHostKey(BackendId backend) => _knownHosts.Forget(backend);

    /// <summary>Ends everything.</summary>
    /// <param name="hasSuccessor">Whether another daemon takes over at once.</param>
    public async Task StopAsync(bool hasSuccessor)
    {
        if (_isStopped)
        {
            return;
        }

        _isStopped = true;
        await _stop.CancelAsync().ConfigureAwait(false);
        if (_sessions is not null)
        {
            await _sessions.StopAsync(leave: hasSuccessor).ConfigureAwait(false);
        }

        await Task.WhenAll(_loops).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Placement.DisposeAsync().ConfigureAwait(false);
        await KeySync.DisposeAsync().ConfigureAwait(false);
        await _routes.StopAsync(leave: hasSuccessor).ConfigureAwait(false);
        _meter.Dispose();
        UpstreamKeys.Dispose();
        _stop.Dispose();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync(hasSuccessor: false).ConfigureAwait(false);

    /// <summary>Says anew who may be logged in.</summary>
    private void Admit()
    {
        lock (_admitting)
        {
            if (_isCommitting)
            {
                return;
            }

            if (_settings is not { } settings)
            {
                _entrance = null;
                return;
            }

            var users = _users.Users;
            _departures += _admitted.All(users.ContainsKey) ? 0 : 1;
            _admitted = [.. users.Keys];
            _entrance = new(settings, users, TunnelKeys.Of(_backends), _authorities, _departures);
        }
    }

    private void Look()
    {
        if (_settings is { } settings && _keys.HasChanged())
        {
            _authorities = _keys.OfAuthorities(settings.TrustedUserCaFile);
            _users.Configure(settings.Users, _keys.Of);
            Admit();
        }
    }

    private void GiveKeys()
    {
        foreach (var backend in _pools.Current.Backends.Keys)
        {
            KeySync.Resync(backend);
        }
    }

    /// <summary>Without them nobody can log in, so it is tried until they are there.</summary>
    private async Task MakeKeysAsync()
    {
        string? told = null;
        var rounds = 0;
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), _time);
        do
        {
            // There may be a jump host from the next reload on.
            if (_settings is null || rounds++ % KeyRounds != 0)
            {
                continue;
            }

            var why = await MakeKeysOnceAsync().ConfigureAwait(false);
            if (why is not null && why != told)
            {
                Log.KeyFailed(_logger, $"{_places.HostKey} or {_places.UpstreamKey}", why);
            }

            told = why;
        }
        while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false));
    }

    private async Task<string?> MakeKeysOnceAsync()
    {
        try
        {
            return await OwnKey.MakeAsync(_places.HostKey, "sentinel", _time, _logger, _stop.Token).ConfigureAwait(false)
                ?? await UpstreamKeys.EnsureAsync(_stop.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            return e.Message;
        }
    }
}
