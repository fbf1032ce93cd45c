using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Recovery.Clouds;
using Sentinel.Recovery.Clouds.Process;
using Sentinel.Recovery.Outages;
using Sentinel.Recovery.Watching;

namespace Sentinel.Recovery.Tests;

/// <summary>The whole room over a state directory of its own, as the daemon uses it.</summary>
internal sealed class RecoveryRig : IAsyncDisposable
{
    private readonly HoppingTime _loopTime = new();
    private StateDirectory? _state;
    private PoolTable? _pools;

    public string Folder { get; } = Directory.CreateTempSubdirectory("recovery-").FullName;

    public RecoveryService Recovery { get; private set; } = null!;

    public PoolTable Pools => _pools!;

    public LoopRegistry Loops => field ??= new(_loopTime);

    public CollectedLog Log { get; } = new();

    public static BackendSettings Vm(string name, string script, OutagePolicy? policy = null, HealthSettings? health = null) => new()
    {
        Definition = new() { Id = new(name), Instance = $"process/{name}", Address = "127.23.0.1" },
        Instance = new InstanceName("process", "", name),
        Process = new ProcessSettings { Command = ["/bin/sh", "-c", script] },
        Health = health,
        Policy = policy ?? new OutagePolicy { BackoffInitial = TimeSpan.FromMilliseconds(50), BackoffMax = TimeSpan.FromMilliseconds(200), FlapCount = 0 },
    };

    public static BackendSettings Watched(string name, int port) => new()
    {
        Definition = new() { Id = new(name), Address = "127.23.0.1" },
        Health = new HealthSettings { Port = port, Interval = TimeSpan.FromMilliseconds(200) },
    };

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Parse("127.23.0.1"), 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public async Task StartAsync(params BackendSettings[] backends)
    {
        _state = StateDirectory.Open(Folder);
        _pools = new PoolTable(TimeProvider.System);
        Recovery = new RecoveryService(Pools, Loops, TimeProvider.System, Log, _state);
        Reload(backends);
        await Recovery.StartAsync(CancellationToken.None);
    }

    public void Reload(params BackendSettings[] backends)
    {
        var plan = Recovery.Prepare(backends);
        Assert.Empty(plan.Errors);
        Pools.Configure([.. backends.Select(backend => backend.Definition)], []);
        Recovery.Commit(plan);
    }

    public async Task StopAsync()
    {
        await Recovery.StopAsync(CancellationToken.None);
        await Recovery.DisposeAsync();
        Pools.Dispose();
        _state!.Dispose();
        _state = null;
    }

    /// <summary>The loops that are watched: all seem stuck for a moment when their watcher's clock leaps ahead.</summary>
    public IReadOnlyList<string> LoopNames()
    {
        _loopTime.Hop();
        return Loops.Stuck();
    }

    public BackendStatus Status(string name) => Pools.Current.Backends[new(name)].Status;

    public Task UntilAsync(string name, BackendState state) => Testing.Eventually.TrueAsync(() => Status(name).State == state, what: $"{name} is {state}");

    public int PidOf(string name)
    {
        var record = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "processes", name + ".json")))!;
        return (int)record["pid"]!;
    }

    public async ValueTask DisposeAsync()
    {
        if (_state is not null)
        {
            await Recovery.DisposeAsync();
            Pools.Dispose();
            _state.Dispose();
        }

        Log.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}

/// <summary>A clock that can leap ahead by an hour.</summary>
internal sealed class HoppingTime : TimeProvider
{
    private long _hops;

    public void Hop() => Interlocked.Increment(ref _hops);

    public override long GetTimestamp() => System.GetTimestamp() + (Volatile.Read(ref _hops) * 3600 * System.TimestampFrequency);
}

/// <summary>Log lines as they come: the event's name and its text.</summary>
internal sealed class CollectedLog : ILoggerFactory, ILogger
{
    private readonly List<(string Event, LogLevel Level, string Text)> _lines = [];

    public (string Event, LogLevel Level, string Text)[] Lines
    {
        get
        {
            lock (_lines)
            {
                return [.. _lines];
            }
        }
    }

    public IEnumerable<string> Events => Lines.Select(line => line.Event);

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines)
        {
            _lines.Add((eventId.Name ?? "", logLevel, formatter(state, exception) + exception));
        }
    }

    public void Dispose()
    {
    }
}
