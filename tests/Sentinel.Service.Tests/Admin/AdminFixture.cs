using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Listeners;
using Sentinel.Recovery;
using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Page;
using Sentinel.Service.Configuration;
using Sentinel.Service.Telemetry.Metrics;
using Sentinel.Testing;

namespace Sentinel.Service.Tests.Admin;

/// <summary>A real admin endpoint on loopback, over real pools; only recovery and listeners are made up.</summary>
internal sealed class AdminFixture : IAsyncDisposable
{
    public const string Token = "correct horse battery staple";

    private readonly MetricsPipeline _metrics = new("test");
    private readonly SentinelStanding _standing;

    private AdminFixture(string name)
    {
        Pools = new PoolTable(Time);
        Loops = new LoopRegistry(Time);
        Configuration = new SentinelConfiguration
        {
            Name = name,
            StateDirectory = "/nonexistent",
            Backends = [Backend("spot-1", 0), Backend("spot-2", 1)],
            Pools = [new PoolDefinition { Id = new PoolId("web"), Backends = [new BackendId("spot-1"), new BackendId("spot-2")] }],
            Listeners = [Listener],
        };
        Pools.Configure([.. Configuration.Backends.Select(backend => backend.Definition)], Configuration.Pools);
        Standing = _standing = new SentinelStanding(Pools, Time);
        InForce = new ConfigurationInForce("/etc/sentinel/sentinel.json", Configuration, new AdminToken(Token), Time.GetUtcNow());
        Listeners = [new ListenerStatus(Listener, Bound: true, "managed", Connections: 3, Held: 1, Accepted: 17, Refused: 2)];
    }

    public ManualTimeProvider Time { get; } = new();

    public PoolTable Pools { get; }

    public LoopRegistry Loops { get; }

    public SentinelStanding Standing { get; }

    public SentinelConfiguration Configuration { get; }

    public ConfigurationInForce InForce { get; }

    public FakeRecoveryDesk Desk { get; } = new();

    public FakeCertificateDesk Certificates { get; } = new();

    public FakePlacementDesk Placement { get; } = new();

    public IReadOnlyList<ListenerStatus> Listeners { get; set; }

    public AdminApi Api { get; private set; } = null!;

    public AdminPage Page { get; private set; } = null!;

    public AdminServer Server { get; private set; } = null!;

    public HttpClient Http { get; private set; } = null!;

    private static ListenerSettings Listener { get; } = new()
    {
        Name = "ssh",
        Bind = [new BindAddress(new IPEndPoint(IPAddress.Any, 22), null)],
        Protocol = ListenerProtocol.Tcp,
        Pool = new PoolId("web"),
        Port = 22,
    };

    /// <param name="bind">Loopback unless a test says otherwise.</param>
    public static async Task<AdminFixture> StartAsync(IPAddress? bind = null, string name = "front-1")
    {
        var fixture = new AdminFixture(name);
        var status = new StatusReader(fixture.InForce, fixture.Pools, fixture._standing, () => fixture.Listeners, fixture.Desk, fixture.Certificates, fixture.Placement);
        fixture.Api = new AdminApi(
            status, fixture.Desk, fixture.Loops, fixture._metrics.Scrape, new PreemptionNotices(status, fixture.Desk, fixture.Time),
            new CertificateApi(fixture.Certificates, NullLogger<CertificateApi>.Instance),
            new PlacementApi(fixture.Placement, NullLogger<PlacementApi>.Instance), new SshApi(new FakeSshDesk()), NullLogger<AdminApi>.Instance);
        fixture.Page = new AdminPage(status, fixture.Desk, fixture.Time);
        var (server, error) = await AdminServer.StartAsync(new IPEndPoint(bind ?? IPAddress.Loopback, 0), fixture.InForce, fixture.Api, fixture.Page, NullLoggerFactory.Instance, default);
        fixture.Server = server ?? throw new InvalidOperationException(error);
        server.PutInForce();
        fixture.Http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{server.Bound.Port}") };
        return fixture;
    }

    public void Report(string backend, BackendState state, bool healthy, string reason = "as the test says") =>
        Pools.Report(new BackendId(backend), new BackendStatus(state, healthy, Time.GetUtcNow(), reason));

    /// <summary>Asks with or without the token.</summary>
    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? token = null, string? host = null, string? body = null)
    {
        var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body) };
        if (token is not null)
        {
            request.Headers.Add("Authorization", $"Bearer {token}");
        }

        request.Headers.Host = host;
        return await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Server.DisposeAsync();
        _standing.Dispose();
        Pools.Dispose();
        _metrics.Dispose();
    }

    private static BackendSettings Backend(string name, int priority) => new()
    {
        Definition = new BackendDefinition { Id = new BackendId(name), Instance = $"process/{name}", Address = "127.0.0.1", Priority = priority },
    };
}
