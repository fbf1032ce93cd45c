using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Kit;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>
/// A forwarder with an <c>http</c> listener, or an <c>https</c> one if there are certificates, in front of the pool <c>web</c>, whose backends <c>spot-1</c>, <c>spot-2</c> …
/// a test names by their addresses; they share a port.
/// </summary>
internal sealed class HttpStage : IAsyncDisposable
{
    public static readonly PoolId Web = new("web");

    private HttpStage(PoolTable pools, IOutageOutlook? outlook, TestCertificates? certificates, IPEndPoint endPoint, TimeProvider time)
    {
        Pools = pools;
        Loops = new(TimeProvider.System);
        Forwarder = new(pools, Loops, time, Logs, outlook: outlook, certificates: certificates);
        EndPoint = endPoint;
    }

    public LogRecorder Logs { get; } = new();

    public LoopRegistry Loops { get; }

    public PoolTable Pools { get; }

    public Forwarder Forwarder { get; }

    public IPEndPoint EndPoint { get; }

    public Uri Address => new($"{(Settings.Protocol == ListenerProtocol.Http ? "http" : "https")}://{EndPoint}/");

    public ListenerSettings Settings { get; private set; } = null!;

    public ListenerStatus Status => Forwarder.Statuses.Single();

    public static Task<HttpStage> StartAsync(HttpBackend backend, Func<ListenerSettings, ListenerSettings>? settings = null) =>
        StartAsync([backend.EndPoint], settings);

    public static async Task<HttpStage> StartAsync(
        IReadOnlyList<IPEndPoint> backends,
        Func<ListenerSettings, ListenerSettings>? settings = null,
        IReadOnlyList<PoolDefinition>? pools = null,
        IOutageOutlook? outlook = null,
        IPAddress? address = null,
        TestCertificates? certificates = null,
        TimeProvider? time = null)
    {
        var table = new PoolTable(TimeProvider.System);
        table.Configure(
            [.. backends.Select((backend, i) => new BackendDefinition { Id = Backend(i), Address = backend.Address.ToString(), Priority = i })],
            pools ?? [new() { Id = Web, Backends = [.. backends.Select((_, i) => Backend(i))] }]);
        var stage = new HttpStage(table, outlook, certificates, new(address ?? Loopback.Next(), Loopback.FreePort()), time ?? TimeProvider.System);
        for (var i = 0; i < backends.Count; i++)
        {
            stage.Report(i, healthy: true);
        }

        var plain = new ListenerSettings
        {
            Name = certificates is null ? "http" : "https",
            Bind = [new(stage.EndPoint, null)],
            Protocol = certificates is null ? ListenerProtocol.Http : ListenerProtocol.Https,
            Pool = Web,
            Port = backends.Count == 0 ? 1 : backends[0].Port,

            // no more than any machine has descriptors for: nothing is to be warned of
            MaxConnections = 1000,
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

    /// <summary>As a reload does that gives the only backend another address.</summary>
    public void Move(IPAddress address) => Pools.Configure([new() { Id = Backend(0), Address = address.ToString() }], [new() { Id = Web, Backends = [Backend(0)] }]);

    public void Report(int backend, bool healthy, BackendState? state = null) =>
        Pools.Report(Backend(backend), new(state ?? (healthy ? BackendState.Serving : BackendState.Stopping), healthy, DateTimeOffset.UnixEpoch, "test"));

    public BackendLoad Load(int backend) => Pools.Current.Backends[Backend(backend)].Load;

    public HttpClient Client(Version? version = null) =>
        new(new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            UseCookies = false,
            SslOptions = new() { RemoteCertificateValidationCallback = TestCertificates.Any },
        })
        {
            BaseAddress = Address,
            DefaultRequestVersion = version ?? HttpVersion.Version11,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

    /// <summary>The same over TLS, for a host name; whatever certificate is shown is taken.</summary>
    public Task<SslStream> ConnectTlsAsync(string host, params SslApplicationProtocol[] protocols) => ConnectTlsAsync(host, null, protocols);

    /// <inheritdoc cref="ConnectTlsAsync(string, SslApplicationProtocol[])"/>
    /// <param name="inner">What it goes over; null: a new connection.</param>
    public async Task<SslStream> ConnectTlsAsync(string host, NetworkStream? inner, params SslApplicationProtocol[] protocols)
    {
        var tls = new SslStream(inner ?? await ConnectAsync());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = host,
            ApplicationProtocols = protocols.Length == 0 ? null : [.. protocols],
            RemoteCertificateValidationCallback = TestCertificates.Any,
        });
        return tls;
    }

    public async Task<NetworkStream> ConnectAsync()
    {
        var socket = new Socket(EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(EndPoint);
        return new(socket, ownsSocket: true);
    }

    public async ValueTask DisposeAsync()
    {
        await Forwarder.DisposeAsync();
        Pools.Dispose();
    }
}
