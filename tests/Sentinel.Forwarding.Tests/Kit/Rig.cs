using System.Net;
using System.Net.Sockets;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Tests.Kit;

/// <summary>A forwarder with the pool <c>pool</c>, and backends that a test can start, break and declare down.</summary>
internal sealed class Rig : IAsyncDisposable
{
    public const int ListenPort = 2200;

    private static readonly DateTimeOffset Epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly List<BackendDefinition> _definitions = [];
    private readonly List<TestBackend> _backends = [];
    private readonly List<Socket> _clients = [];

    private readonly RelayEngine _engine;

    public Rig(RelayEngine engine = RelayEngine.Managed, TimeProvider? time = null)
    {
        _engine = engine;
        Time = time ?? TimeProvider.System;
        Pools = new(Time);
        Loops = new(Time);
        Forwarder = new(Pools, Loops, Time, Logs);
    }

    public static PoolId Pool { get; } = new("pool");

    public TimeProvider Time { get; }

    public PoolTable Pools { get; }

    public LoopRegistry Loops { get; }

    public LogRecorder Logs { get; } = new();

    public Forwarder Forwarder { get; }

    /// <summary>The port of every backend.</summary>
    public int Port { get; set; }

    /// <summary>Where the listener is that a test asks for without saying where.</summary>
    public IPEndPoint At { get; } = new(Loopback.Next(), ListenPort);

    public PoolPolicy Policy { get; set; } = PoolPolicy.ActiveStandby;

    /// <summary>A backend that is healthy.</summary>
    public TestBackend Serve(string name, Func<Socket, Task> serve)
    {
        var backend = Start(serve, Loopback.Next());
        Add(name, backend.Address.ToString());
        Report(name, healthy: true);
        return backend;
    }

    /// <summary>Starts what no configuration knows.</summary>
    public TestBackend Start(Func<Socket, Task> serve, IPAddress address)
    {
        var backend = new TestBackend(new(address, Port), serve);
        Port = backend.Port;
        _backends.Add(backend);
        return backend;
    }

    /// <summary>A backend that counts as healthy, at an address where nobody listens unless <see cref="Start"/> made somebody.</summary>
    public void Claim(string name, string address)
    {
        Port = Port == 0 ? 1 : Port;
        Add(name, address);
        Report(name, healthy: true);
    }

    /// <summary>A backend that is known and not healthy.</summary>
    public TestBackend ServeLater(string name, Func<Socket, Task> serve)
    {
        var backend = Serve(name, serve);
        Report(name, healthy: false);
        return backend;
    }

    public void Report(string name, bool healthy) => Pools.Report(
        new(name), new(healthy ? BackendState.Serving : BackendState.Stopping, healthy, Epoch, healthy ? "serves" : "stopped"));

    /// <summary>Takes the last backend out of the configuration.</summary>
    public void Forget(string name)
    {
        _definitions.RemoveAll(definition => definition.Id.Name == name);
        Configure();
    }

    public ListenerSettings Listener(string name = "ssh") => new()
    {
        Name = name,
        Bind = [new(At, null)],
        Protocol = ListenerProtocol.Tcp,
        Pool = Pool,
        Port = Port,
        Engine = _engine,
        Hold = TimeSpan.FromSeconds(60),
    };

    public async Task StartAsync(params ListenerSettings[] listeners)
    {
        using var change = await Forwarder.PrepareAsync(listeners);
        Assert.Empty(change.Errors);
        change.Commit();
    }

    public async Task<Socket> ConnectAsync(IPEndPoint? at = null, IPAddress? from = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (from is not null)
        {
            socket.Bind(new IPEndPoint(from, 0));
        }

        lock (_clients)
        {
            _clients.Add(socket);
        }

        await socket.ConnectAsync(at ?? At);
        return socket;
    }

    public ListenerStatus Status(string name = "ssh") => Forwarder.Statuses.Single(status => status.Settings.Name == name);

    public async ValueTask DisposeAsync()
    {
        await Forwarder.DisposeAsync();
        Pools.Dispose();
        foreach (var backend in _backends)
        {
            backend.Dispose();
        }

        foreach (var client in _clients)
        {
            client.Dispose();
        }
    }

    private void Add(string name, string address)
    {
        _definitions.Add(new() { Id = new(name), Address = address, Priority = _definitions.Count });
        Configure();
    }

    private void Configure() => Pools.Configure(
        _definitions, [new() { Id = Pool, Backends = [.. _definitions.Select(definition => definition.Id)], Policy = Policy }]);
}
