using System.Net;
using System.Net.Sockets;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Kit;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>
/// A forwarder with an <c>http</c> listener in front of the pool <c>web</c>, whose backends <c>spot-1</c>, <c>spot-2</c> …
/// a test names by their addresses; they share a port.
/// </summary>
internal sealed class HttpStage : IAsyncDisposable
{
    public static readonly PoolId Web = new("web");

    private HttpStage(PoolTable pools, IOutageOutlook? outlook, IPEndPoint endPoint)
    {
        Pools = pools;
        Loops = new(TimeProvider.System);
        Forwarder = new(pools, Loops, TimeProvider.System, Logs, outlook: outlook);
        EndPoint = endPoint;
    }

    public LogRecorder Logs { get; } = new();

    public LoopRegistry Loops { get; }

    public PoolTable Pools { get; }

    public Forwarder Forwarder { get; }

    public IPEndPoint EndPoint { get; }

    public Uri Address => new($"http://{EndPoint}/");

    public ListenerSettings Settings { get; private set; } = null!;

    public ListenerStatus Status => Forwarder.Statuses.Single();

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
        var stage = new HttpStage(table, outlook, new(address ?? Loopback.Next(), Loopback.FreePort()));
        for (var i = 0; i < backends.Count; i++)
        {
            stage.Report(i, healthy: true);
        }

        var plain = new ListenerSettings
        {
            Name = "http",
            Bind = [new(stage.EndPoint, null)],
            Protocol = ListenerProtocol.Http,
            Pool = Web,
            Port = backends.Count == 0 ? 1 : backends[0].Port,
        };
        Assert.Empty(await stage.ReloadAsync(settings?.Invoke(plain) ?? plain));
        return stage;
    }

    public static BackendId Backend(int index) => new($"spot-{index + 1}");

    public async Task<IReadOnlyList<BindError>> ReloadAsync(ListenerSettings settings)
    {
        using var change = await Forwarder.PrepareAsync([settings]);
        if (change.Errors.Count == 0)
        {
            change.Commit();
            Settings = settings;
        }

        return change.Errors;
    }

    public void Report(int backend, bool healthy, BackendState? state = null) =>
        Pools.Report(Backend(backend), new(state ?? (healthy ? BackendState.Serving : BackendState.Stopping), healthy, DateTimeOffset.UnixEpoch, "test"));

    public BackendLoad Load(int backend) => Pools.Current.Backends[Backend(backend)].Load;

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

    public async ValueTask DisposeAsync()
    {
        await Forwarder.DisposeAsync();
        Pools.Dispose();
    }
}
