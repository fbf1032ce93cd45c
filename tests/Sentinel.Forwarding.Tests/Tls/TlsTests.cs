using System.Net;
using System.Net.Security;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Http;
using Sentinel.Forwarding.Tests.Prefaces;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Tls;

/// <summary>A <c>tls</c> listener over each relay: what passes through it untouched, and what it answers itself.</summary>
public sealed class TlsTests
{
    private const string Host = "app.example.com";
    private readonly TestCertificates _certificates = new(Host);

    public static TheoryData<RelayEngine> Relays => OperatingSystem.IsLinux() ? [RelayEngine.Managed, RelayEngine.Splice] : [RelayEngine.Managed];

    [Theory]
    [MemberData(nameof(Relays))]
    public async Task While_the_backend_serves_the_client_speaks_with_it_alone(RelayEngine relay)
    {
        var certificate = TestCertificates.Make("the backend");
        await using var backend = await BackendAsync(certificate, EchoAsync);
        await using var stage = await StageAsync([backend.EndPoint], relay);
        var bytes = new byte[3_000_000];
        new Random(6).NextBytes(bytes);
        foreach (var version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            using var client = stage.Client(version);
            using var content = new ByteArrayContent(bytes);
            using var answer = await client.PostAsync(new Uri("/", UriKind.Relative), content);
            Assert.Equal(bytes, await answer.Content.ReadAsByteArrayAsync());
        }

        await using (var tls = await stage.ConnectTlsAsync(Host))
        {
            Assert.Equal("CN=the backend", tls.RemoteCertificate!.Subject);
        }

        await Eventually.TrueAsync(() => stage.Status.Connections == 0 && stage.Load(0).Connections == 0);
        Assert.Equal(3, stage.Logs.Ends.Count);
        Assert.All(stage.Logs.Ends, end => Assert.Equal("spot-1", end["Backend"]));
    }

    [Theory]
    [MemberData(nameof(Relays))]
    public async Task The_name_chooses_the_pool(RelayEngine relay)
    {
        await using var one = await BackendAsync(TestCertificates.Make("one"), Nothing);
        await using var two = await BackendAsync(TestCertificates.Make("two"), Nothing, one.EndPoint.Port);
        await using var three = await BackendAsync(TestCertificates.Make("three"), Nothing, one.EndPoint.Port);
        await using var stage = await HttpStage.StartAsync(
            [one.EndPoint, two.EndPoint, three.EndPoint],
            settings => settings with
            {
                Protocol = ListenerProtocol.Tls,
                Engine = relay,
                Routes =
                [
                    new() { Host = "*.example.com", Pool = new("two"), Port = one.EndPoint.Port },
                    new() { Host = "api.example.com", Pool = new("three"), Port = one.EndPoint.Port },
                ],
            },
            [Pool(HttpStage.Web, 0), Pool(new("two"), 1), Pool(new("three"), 2)],
            certificates: _certificates);

        foreach (var (name, seen) in new[] { ("api.example.com", "three"), ("API.Example.com.", "three"), ("a.b.example.com", "two"), ("example.com", "one"), ("127.0.0.1", "one") })
        {
            await using var tls = await stage.ConnectTlsAsync(name);
            Assert.Equal($"CN={seen}", tls.RemoteCertificate!.Subject);
        }
    }

    [Theory]
    [MemberData(nameof(Relays))]
    public async Task While_nobody_serves_the_same_connection_is_answered_here_and_the_next_passes_through_again(RelayEngine relay)
    {
        await using var backend = await BackendAsync(TestCertificates.Make("the backend"), context => context.Response.WriteAsync("served"));
        await using var stage = await StageAsync([backend.EndPoint], relay);
        stage.Report(0, healthy: false);

        foreach (var protocol in new[] { SslApplicationProtocol.Http11, SslApplicationProtocol.Http2 })
        {
            await using var tls = await stage.ConnectTlsAsync(Host, protocol);
            Assert.Equal($"CN={Host}", tls.RemoteCertificate!.Subject);
        }

        await using (var http2 = new RawHttp2Client(await stage.ConnectTlsAsync(Host, SslApplicationProtocol.Http2)))
        {
            // Told to go, so that it comes anew, and answered.
            await http2.BeginAsync();
            await http2.SendFieldsAsync(isLast: true, (":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", Host));
            byte[] answers = [await http2.ReadAnswerAsync(), await http2.ReadAnswerAsync()];
            Assert.Contains(RawHttp2Client.GoAway, answers);
            Assert.DoesNotContain(RawHttp2Client.Status200, answers);
            Assert.True(http2.WasToldToGo);
        }

        await using (var tls = await stage.ConnectTlsAsync(Host))
        {
            await tls.WriteAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"));

            // To the end: the connection is closed, so that the client comes anew.
            var answer = await new StreamReader(tls).ReadToEndAsync();
            Assert.StartsWith("HTTP/1.1 503 ", answer, StringComparison.Ordinal);
            Assert.Contains("Connection: close", answer, StringComparison.Ordinal);
            Assert.Contains("Retry-After: ", answer, StringComparison.Ordinal);
        }

        stage.Report(0, healthy: true);
        using var client = stage.Client();
        Assert.Equal("served", await client.GetStringAsync(new Uri("/", UriKind.Relative)));
        await Eventually.TrueAsync(() => stage.Logs.Ends.Count >= 3);
    }

    [Theory]
    [MemberData(nameof(Relays))]
    public async Task A_backend_that_cannot_be_reached_is_answered_for(RelayEngine relay)
    {
        await using var stage = await StageAsync([new(Loopback.Next(), Loopback.FreePort())], relay);

        await using var tls = await stage.ConnectTlsAsync(Host);

        Assert.Equal($"CN={Host}", tls.RemoteCertificate!.Subject);
    }

    [Theory]
    [MemberData(nameof(Relays))]
    public async Task With_hold_a_client_waits_for_its_backend_and_never_knows(RelayEngine relay)
    {
        await using var backend = await BackendAsync(TestCertificates.Make("the backend"), Nothing);
        await using var stage = await StageAsync([backend.EndPoint], relay, settings => settings with { Hold = TimeSpan.FromMinutes(1) });
        stage.Report(0, healthy: false);

        var connecting = stage.ConnectTlsAsync(Host);
        await Eventually.TrueAsync(() => stage.Status.Held == 1);
        stage.Report(0, healthy: true);

        await using var tls = await connecting;
        Assert.Equal("CN=the backend", tls.RemoteCertificate!.Subject);
    }

    [NeedsFact("linux")]
    public async Task With_hold_a_client_that_leaves_after_its_hello_waits_no_more()
    {
        await using var stage = await StageAsync(
            [new(Loopback.Next(), Loopback.FreePort())], RelayEngine.Splice, settings => settings with { Hold = TimeSpan.FromMinutes(10) });
        stage.Report(0, healthy: false);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        await client.SendAsync(await HelloBytes.RealAsync(Host));
        await Eventually.TrueAsync(() => stage.Status.Held == 1);

        client.FinishSending();

        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
        Assert.Equal("client_left", stage.Logs.Ends[0]["End"]);
        Assert.Equal((0, 0), (stage.Status.Held, stage.Status.Connections));
    }

    [Theory]
    [MemberData(nameof(Relays))]
    public async Task With_hold_a_client_is_answered_when_nobody_came(RelayEngine relay)
    {
        await using var stage = await StageAsync(
            [new(Loopback.Next(), Loopback.FreePort())], relay, settings => settings with { Hold = TimeSpan.FromMilliseconds(200) });
        stage.Report(0, healthy: false);

        await using var tls = await stage.ConnectTlsAsync(Host);

        Assert.Equal($"CN={Host}", tls.RemoteCertificate!.Subject);
    }

    [Theory]
    [MemberData(nameof(Relays))]
    public async Task An_open_connection_ends_with_its_backend_and_draining_waits_for_the_others(RelayEngine relay)
    {
        await using var backend = await BackendAsync(TestCertificates.Make("the backend"), Nothing);
        await using var stage = await StageAsync([backend.EndPoint], relay);
        var cut = await stage.ConnectTlsAsync(Host);
        stage.Report(0, healthy: false);
        await Eventually.TrueAsync(() => stage.Logs.Ends.Any(end => end["End"] == "backend_down"));
        await cut.DisposeAsync();
        stage.Report(0, healthy: true);

        var open = await stage.ConnectTlsAsync(Host);
        stage.Report(0, healthy: true, BackendState.Draining);
        var stopping = stage.Forwarder.StopAsync(CancellationToken.None);
        await open.WriteAsync(Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nHost: {Host}\r\n\r\n"));
        Assert.StartsWith("HTTP/1.1 200 ", await new StreamReader(open).ReadLineAsync(), StringComparison.Ordinal);
        Assert.False(stopping.IsCompleted);
        await open.DisposeAsync();

        await stopping.WaitAsync(Eventually.Patience, TimeProvider.System);
        Assert.Equal(0, stage.Status.Connections);
        Assert.Equal("completed", stage.Logs.Ends[^1]["End"]);
    }

    [Theory]
    [MemberData(nameof(Relays))]
    public async Task A_challenge_of_ours_is_answered_here_and_every_other_by_the_backend(RelayEngine relay)
    {
        await using var backend = await BackendAsync(TestCertificates.Make("the backend"), Nothing);
        await using var stage = await StageAsync([backend.EndPoint], relay);
        _certificates.Challenges[Host] = TestCertificates.Make("challenge");
        var acme = new SslApplicationProtocol("acme-tls/1");

        await using (var tls = await stage.ConnectTlsAsync(Host, acme))
        {
            Assert.Equal("CN=challenge", tls.RemoteCertificate!.Subject);
        }

        await using (var tls = await stage.ConnectTlsAsync(Host))
        {
            Assert.Equal("CN=the backend", tls.RemoteCertificate!.Subject);
        }
    }

    [Fact]
    public async Task Who_speaks_plain_http_is_told_so()
    {
        await using var stage = await StageAsync([], RelayEngine.Auto);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 400 Bad Request\n", await client.ReadHeadAsync(), StringComparison.Ordinal);
    }

    /// <summary>Reads everything first: clients of HTTP/1.1 do not read while they send.</summary>
    private static async Task EchoAsync(HttpContext context)
    {
        var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        await context.Response.Body.WriteAsync(body.GetBuffer().AsMemory(0, (int)body.Length));
    }

    private static Task Nothing(HttpContext context) => Task.CompletedTask;

    private static PoolDefinition Pool(PoolId id, int backend) => new() { Id = id, Backends = [HttpStage.Backend(backend)] };

    private static Task<HttpBackend> BackendAsync(SslStreamCertificateContext certificate, RequestDelegate handler, int? port = null) => HttpBackend.StartAsync(
        handler, HttpProtocols.Http1AndHttp2, new(Loopback.Next(), port ?? Loopback.FreePort()), certificate: certificate.TargetCertificate);

    private Task<HttpStage> StageAsync(IReadOnlyList<IPEndPoint> backends, RelayEngine relay, Func<ListenerSettings, ListenerSettings>? more = null) => HttpStage.StartAsync(
        backends, settings => (more ?? (same => same))(settings with { Protocol = ListenerProtocol.Tls, Engine = relay }), certificates: _certificates);
}
