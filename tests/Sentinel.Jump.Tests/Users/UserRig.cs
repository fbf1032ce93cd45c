using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Jump.KeySync;
using Sentinel.Jump.Placement;
using Sentinel.Jump.Users;

namespace Sentinel.Jump.Tests.Users;

/// <summary>Users, key sync and placement over real pools and a real directory.</summary>
internal sealed class UserRig : IAsyncDisposable
{
    private readonly BackendDefinition[] _backends;
    private JumpMeter _meter = new();

    public UserRig(params BackendDefinition[] backends)
    {
        _backends = backends;
        Pools = new(Time);
        Pools.Configure(backends, []);
        foreach (var backend in backends)
        {
            Report(backend.Id.Name, BackendState.Serving);
        }

        Compose();
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("sentinel-users-").FullName;

    /// <summary>Where the room keeps everything.</summary>
    public string State => Path.Combine(Folder, "ssh");

    public ShiftedTime Time { get; } = new();

    public PoolTable Pools { get; }

    public Lines Logs { get; } = new();

    public UserDirectory Users { get; private set; } = null!;

    public KeySyncDesk KeySync { get; private set; } = null!;

    public PlacementDesk Desk { get; private set; } = null!;

    /// <summary>The sentinel's own, the newest last.</summary>
    public IReadOnlyList<string> OwnKeys { get; set; } = [];

    public UserStanding Standing(string user) => Users.Standings[user];

    public void Configure(JumpSettings settings, params string[] backends)
    {
        var known = _backends.Where(backend => backends.Length == 0 || backends.Contains(backend.Id.Name)).ToArray();
        Pools.Configure(known, settings.Pool is { } pool ? [new PoolDefinition { Id = pool, Backends = [.. known.Select(backend => backend.Id)] }] : []);
        Users.Know(known);
        Users.Configure(settings.Users, user => user.Keys.Select(key => Sentinel.Jump.Keys.AuthorizedKey.TryParse(key)!));
        KeySync.Configure(settings, [.. known.Select(backend => backend.Id)]);
        Desk.Configure(settings);
    }

    public void Report(string backend, BackendState state, bool? healthy = null) =>
        Pools.Report(new(backend), new(state, healthy ?? state is BackendState.Serving, Time.GetUtcNow(), "as the test says"));

    /// <summary>Another daemon over what this one left.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        Compose();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Pools.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private async Task StopAsync()
    {
        await Desk.DisposeAsync();
        await KeySync.DisposeAsync();
        _meter.Dispose();
    }

    private void Compose()
    {
        _meter = new();
        Users = new(Logs);
        KeySync = new(State, Users, () => OwnKeys, _meter, Pools, new LoopRegistry(Time), Time, Logs);
        Desk = new(State, Users, KeySync, () => OwnKeys, Pools, Time, Logs);
        Desk.Load();
    }
}

/// <summary>The system's clock, moved.</summary>
internal sealed class ShiftedTime : TimeProvider
{
    private long _ticks;

    public void Jump(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddTicks(Volatile.Read(ref _ticks));
}

/// <summary>What was logged.</summary>
internal sealed class Lines : ILogger
{
    private readonly List<string> _lines = [];

    public string[] All
    {
        get
        {
            lock (_lines)
            {
                return [.. _lines];
            }
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines)
        {
            _lines.Add($"{eventId.Name}: {formatter(state, exception)}");
        }
    }
}
