using System.Net;
using System.Net.Sockets;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Http;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>
/// An <c>http</c> listener with its gate and engine, on a real socket, in front of the pool <c>web</c> of the backends
/// that a test names. All backends listen on one port, each on an address of its own.
/// </summary>
internal sealed class HttpStage : IAsyncDisposable
{
    public static readonly PoolId Web = new("web");

    private readonly Socket _listening;
    private readonly ForwardingMeter _meter = new();
    private readonly HttpEngine _engine;
    private readonly IDisposable _subscription;
    private ICarrier _carrier = null!;

    private HttpStage(ListenerSettings settings, PoolTable pools, IOutageOutlook outlook, IPAddress address)
    {
        Pools = pools;
        Loops = new(TimeProvider.System);
        Gate = new(settings, pools, TimeProvider.System, _meter, Logs.CreateLogger("gate"));
        _engine = new(pools, Loops, TimeProvider.System, Logs, outlook);
        _listening = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        DeadPeer.Watch(_listening);
        _listening.Bind(new IPEndPoint(address, 0));
        _listening.Listen(1024);
        EndPoint = (IPEndPoint)_listening.LocalEndPoint!;
        _subscription = pools.Subscribe(_ => _carrier.CloseDown());
    }

    public CapturedLogs Logs { get; } = new();

    public LoopRegistry Loops { get; }

    public PoolTable Pools { get; }

    public Gate Gate { get; }

    public IPEndPoint EndPoint { get; }

    public Uri Address => new($"http://{EndPoint}/");

    /// <summary>Ends of client connections, as logged.</summary>
    public IReadOnlyList<CapturedLogs.Entry> Ends => [.. Logs.Named("listener.connection.ended")];

    public static Task<HttpStage> StartAsync(HttpBackend backend, Func<ListenerSettings, ListenerSettings>? settings = null) =>
        StartAsync([backend.EndPoint], settings);

    public static async Task<HttpStage> StartAsync(
        IReadOnlyList<IPEndPoint> backends,
        Func<ListenerSettings, ListenerSettings>? settings = null,
        IReadOnlyList<PoolDefinition>? pools = null,
        IOutageOutlook? outlook = null,
        IPAddress? address = null)
    {
        var table = new PoolTable(TimeProvider.System);
        table.Configure(
            [.. backends.Select((backend, i) => new BackendDefinition { Id = Backend(i), Address = backend.Address.ToString(), Priority = i })],
            pools ?? [new() { Id = Web, Backends = [.. backends.Select((_, i) => Backend(i))] }]);
        var plain = new ListenerSettings
        {
            Name = "http",
            Bind = [],
            Protocol = ListenerProtocol.Http,
            Pool = Web,
            Port = backends.Count == 0 ? 1 : backends[0].Port,
        };
        var stage = new HttpStage(settings?.Invoke(plain) ?? plain, table, outlook ?? new NoOutageOutlook(), address ?? Loopback.Next());
        var opening = await stage._engine.OpenAsync(stage.Gate, stage.Gate.Rules, null, CancellationToken.None);
        stage._carrier = opening.Carrier ?? throw new InvalidOperationException(opening.Error);
        for (var i = 0; i < backends.Count; i++)
        {
            stage.Report(i, healthy: true);
        }

        stage._carrier.Accept(stage._listening);
        return stage;
    }

    public static BackendId Backend(int index) => new($"spot-{index + 1}");

    public void Report(int backend, bool healthy, BackendState? state = null) =>
        Pools.Report(Backend(backend), new(state ?? (healthy ? BackendState.Serving : BackendState.Stopping), healthy, DateTimeOffset.UnixEpoch, "test"));

    public BackendLoad Load(int backend) => Pools.Current.Backends[Backend(backend)].Load;

    /// <summary>What a reload does to a listener that stays.</summary>
    public async Task<string?> ReloadAsync(Func<ListenerSettings, ListenerSettings> change)
    {
        var rules = new ListenerRules(Gate, change(Gate.Rules.Settings));
        var opening = await _engine.OpenAsync(Gate, rules, _carrier, CancellationToken.None);
        if (opening.Error is null)
        {
            Assert.Same(_carrier, opening.Carrier);
            Gate.Configure(rules);
        }

        return opening.Error;
    }

    public HttpClient Client(Version? version = null) =>
        new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, UseCookies = false })
        {
            BaseAddress = Address,
            DefaultRequestVersion = version ?? HttpVersion.Version11,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

    public async Task<NetworkStream> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(EndPoint);
        return new(socket, ownsSocket: true);
    }

    public Task DrainAsync(CancellationToken now = default)
    {
        _carrier.StopAccepting(_listening);
        return _carrier.DrainAsync(now);
    }

    public async ValueTask DisposeAsync()
    {
        await DrainAsync(new(canceled: true));
        _subscription.Dispose();
        _listening.Dispose();
        await _engine.DisposeAsync();
        Gate.Dispose();
        _meter.Dispose();
        Pools.Dispose();
    }
}
