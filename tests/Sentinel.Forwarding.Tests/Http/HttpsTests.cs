using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Sentinel.Forwarding.Relay;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

public sealed class HttpsTests
{

    [Theory]
    [InlineData("1.1", "HTTP/1.1")]
    [InlineData("2.0", "HTTP/2")]
    public async Task Both_versions_are_served_and_the_backend_is_told_that_it_was_https(string version, string seen)
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: new());
        using var client = stage.Client(Version.Parse(version));

        using var answer = await client.GetAsync(new Uri("/a?b=c", UriKind.Relative));
        var text = await answer.Content.ReadAsStringAsync();

        Assert.Equal(seen, $"HTTP/{answer.Version.ToString(answer.Version.Major == 2 ? 1 : 2)}");
        Assert.StartsWith("GET /a?b=c HTTP/1.1\n", text, StringComparison.Ordinal);
        Assert.Contains("X-Forwarded-Proto: https\n", text, StringComparison.Ordinal);
        Assert.Contains("X-Forwarded-For: 127.0.0.1\n", text, StringComparison.Ordinal);
        Assert.Contains($"X-Forwarded-Host: {stage.EndPoint}\n", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Both_versions_of_TLS_are_spoken(SslProtocols version)
    {
        await using var stage = await HttpStage.StartAsync([], certificates: new());
        await using var tls = new SslStream(await stage.ConnectAsync());

        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "a.example",
            EnabledSslProtocols = version,
            RemoteCertificateValidationCallback = TestCertificates.Any,
        });

        Assert.Equal(version, tls.SslProtocol);
    }

    [Fact]
    public async Task The_certificate_is_the_one_for_the_name_and_a_new_one_needs_no_restart()
    {
        var certificates = new TestCertificates("a.example", "b.example");
        await using var stage = await HttpStage.StartAsync([], certificates: certificates);

        Assert.Equal("CN=a.example", await SubjectAsync("A.example"));
        Assert.Equal("CN=b.example", await SubjectAsync("b.example."));
        Assert.Equal("CN=anybody", await SubjectAsync("c.example"));
        Assert.Equal("CN=anybody", await SubjectAsync("127.0.0.1"));
        var next = certificates.Put("c.example");
        await using var tls = await stage.ConnectTlsAsync("c.example");
        Assert.Equal(next.GetCertHashString(), tls.RemoteCertificate!.GetCertHashString());

        async Task<string> SubjectAsync(string host)
        {
            await using var tls = await stage.ConnectTlsAsync(host);
            return tls.RemoteCertificate!.Subject;
        }
    }

    [NeedsTheory("openssl")]
    [InlineData("-tls1_2", "h2")]
    [InlineData("-tls1_3", "http/1.1")]
    [InlineData("-tls1_3", "h2")]
    public async Task A_session_is_resumed_until_its_certificate_changes_and_then_begun_anew(string version, string protocol)
    {
        var session = Path.GetTempFileName();
        try
        {
            var certificates = new TestCertificates("a.example", "b.example");
            await using var backend = await HttpBackend.StartAsync(context => context.Response.WriteAsync("served"));
            await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: certificates);
            Assert.Contains("\nNew, TLSv1.", await ConnectAsync("-sess_out", session), StringComparison.Ordinal);
            var resumed = await ConnectAsync("-sess_in", session);
            Assert.Contains("\nReused, TLSv1.", resumed, StringComparison.Ordinal);
            Assert.Contains($"ALPN protocol: {protocol}\n", resumed, StringComparison.Ordinal);
            certificates.Put("b.example");
            Assert.Contains("\nReused, TLSv1.", await ConnectAsync("-sess_in", session), StringComparison.Ordinal);

            var next = certificates.Put("a.example");

            var anew = await ConnectAsync("-sess_in", session, "-sess_out", session);
            Assert.Contains("\nNew, TLSv1.", anew, StringComparison.Ordinal);
            Assert.Contains(next.ExportCertificatePem().ReplaceLineEndings("\n"), anew, StringComparison.Ordinal);
            Assert.Contains("\nReused, TLSv1.", await ConnectAsync("-sess_in", session), StringComparison.Ordinal);

            // Tickets of TLS 1.3 come after the handshake, so the request waits for an end that the server makes.
            Task<string> ConnectAsync(params string[] arguments) => ToolTests.RunAsync(
                ["sh", "-c", $"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -connect {stage.EndPoint} -servername a.example -alpn {protocol} {version} -ign_eof \"$@\" 2>&1 || [ $? = 1 ]", "-", .. arguments]);
        }
        finally
        {
            File.Delete(session);
        }
    }

    [Theory]
    [InlineData(true, "h2")]
    [InlineData(false, "http/1.1")]
    public async Task Without_http2_it_is_not_offered(bool http2, string agreed)
    {
        await using var stage = await HttpStage.StartAsync([], settings => settings with { Http2 = http2 }, certificates: new());

        await using var tls = await stage.ConnectTlsAsync("a.example", SslApplicationProtocol.Http2, SslApplicationProtocol.Http11);

        Assert.Equal(agreed, tls.NegotiatedApplicationProtocol.ToString());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_knows_http_1_0_alone_is_served(bool http2)
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Response.WriteAsync("served"));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], settings => settings with { Http2 = http2 }, certificates: new());
        var http10 = new SslApplicationProtocol("http/1.0");

        await using var tls = await stage.ConnectTlsAsync("a.example", http10);
        await tls.WriteAsync("GET / HTTP/1.0\r\nHost: a.example\r\n\r\n"u8.ToArray());

        Assert.Equal(http10, tls.NegotiatedApplicationProtocol);
        Assert.EndsWith("\r\n\r\nserved", await new StreamReader(tls).ReadToEndAsync().WaitAsync(Eventually.Patience, TimeProvider.System), StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<Exception>(() => stage.ConnectTlsAsync("a.example", new SslApplicationProtocol("http/0.9")));
    }

    [Fact]
    public async Task An_acme_server_gets_the_certificate_of_the_challenge_and_nothing_more()
    {
        var certificates = new TestCertificates("a.example");
        await using var stage = await HttpStage.StartAsync([], certificates: certificates);
        certificates.Challenges["a.example"] = TestCertificates.Make("challenge");
        var acme = new SslApplicationProtocol("acme-tls/1");

        await using (var tls = await stage.ConnectTlsAsync("a.example", acme))
        {
            Assert.Equal("CN=challenge", tls.RemoteCertificate!.Subject);
            Assert.Equal(acme, tls.NegotiatedApplicationProtocol);
            Assert.Equal(0, await tls.ReadAsync(new byte[1]));
        }

        await using (var tls = await stage.ConnectTlsAsync("a.example", SslApplicationProtocol.Http11))
        {
            Assert.Equal("CN=a.example", tls.RemoteCertificate!.Subject);
        }

        certificates.Challenges.Clear();
        await Assert.ThrowsAnyAsync<Exception>(() => stage.ConnectTlsAsync("a.example", acme));
    }

    [Fact]
    public async Task A_hello_that_comes_byte_by_byte_is_served()
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Response.WriteAsync("served"));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: new());
        await using var tls = new SslStream(new Dribble(await stage.ConnectAsync()));

        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "a.example", RemoteCertificateValidationCallback = TestCertificates.Any });
        await tls.WriteAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));

        Assert.EndsWith("served", (await new StreamReader(tls).ReadToEndAsync()).Replace("\r\n0\r\n\r\n", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n")]
    [InlineData("\u0016\u0003\u0001\u0000\u0005\u0002\u0000\u0000\u0001\u0000", "\u0015\u0003\u0001\u0000\u0002\u0002\u0032")]
    [InlineData("\u0080\u002e\u0001\u0000\u0002\u0000\u0015", "")]
    [InlineData("SSH-2.0-x\r\n", "")]
    public async Task Who_speaks_no_tls_is_told_so_if_that_helps_and_let_go(string start, string answer)
    {
        await using var stage = await HttpStage.StartAsync([], certificates: new());
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(start);
        client.FinishSending();

        if (answer.Length > 0)
        {
            Assert.StartsWith(answer, await client.ReadToEndAsync(), StringComparison.Ordinal);
        }
        else
        {
            await client.HowItEndsAsync();
        }

        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
        Assert.Equal(ConnectionEnd.HandshakeFailed.ToName(), stage.Logs.Ends.Single()["End"]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("GE")]
    [InlineData("\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003")]
    public async Task Who_dawdles_over_a_hello_is_ended(string start)
    {
        await using var stage = await HttpStage.StartAsync([], settings => settings with { HeaderTimeout = TimeSpan.FromMilliseconds(200) }, certificates: new());
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(start);

        await client.HowItEndsAsync();
        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
        Assert.Equal("idle", stage.Logs.Ends.Single()["End"]);
    }

    [Fact]
    public async Task Who_dawdles_in_the_middle_of_the_handshake_is_ended()
    {
        await using var stage = await HttpStage.StartAsync([], settings => settings with { HeaderTimeout = TimeSpan.FromMilliseconds(200) }, certificates: new());
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(await Prefaces.HelloBytes.RealAsync("a.example"));

        Assert.NotEmpty(await client.ReadToEndAsync());
        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
        Assert.Equal("idle", stage.Logs.Ends.Single()["End"]);
    }

    [Fact]
    public async Task A_client_that_does_not_trust_the_certificate_leaves_no_trace_but_its_end()
    {
        await using var stage = await HttpStage.StartAsync([], certificates: new());
        await using var tls = new SslStream(await stage.ConnectAsync());

        await Assert.ThrowsAsync<AuthenticationException>(() => tls.AuthenticateAsClientAsync("a.example"));
        tls.Dispose();

        await Eventually.TrueAsync(() => stage.Status.Connections == 0);
        Assert.DoesNotContain(stage.Logs.Lines, line => line.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task The_end_of_the_last_answer_is_told_by_tls()
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Response.WriteAsync("served"));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: new());
        await using var tls = await stage.ConnectTlsAsync("a.example");

        await tls.WriteAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.0\r\nHost: a\r\n\r\n"));

        // Without close_notify this would throw: an end that is not said may be a cut.
        Assert.EndsWith("served", await new StreamReader(tls).ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task During_an_outage_the_answer_comes_over_tls()
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Response.WriteAsync("served"));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: new());
        stage.Report(0, healthy: false);
        using var client = stage.Client(HttpVersion.Version20);

        using var answer = await client.GetAsync(new Uri("/", UriKind.Relative));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.False(answer.Headers.Contains("Strict-Transport-Security"));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n", "", "max-age=15552000")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n", "strict-transport-security: max-age=1\r\n", "max-age=1")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n", "Connection: Strict-Transport-Security\r\nStrict-Transport-Security: max-age=1\r\n", "max-age=15552000")]
    [InlineData("OPTIONS / HTTP/1.1\r\nHost: a\r\n", "", "max-age=15552000")]
    [InlineData("OPTIONS / HTTP/1.1\r\nHost: a\r\n", "strict-transport-security: max-age=1\r\n", "max-age=1")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n", "", "max-age=15552000")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n", "", "max-age=15552000")]
    [InlineData("GET /gone HTTP/1.1\r\nHost: a\r\n", "", "max-age=15552000")]
    public async Task Browsers_are_told_to_stay_with_tls_where_that_is_asked_for(string request, string field, string expected)
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            while (await peer.ReadHeadAsync() is { } head && !head.Contains("/gone", StringComparison.Ordinal))
            {
                await peer.SendAsync($"HTTP/1.1 200 OK\r\n{field}Content-Length: 0\r\n\r\n");
            }
        });
        await using var stage = await HttpStage.StartAsync(
            [backend.EndPoint], settings => settings with { Hsts = TimeSpan.FromDays(180), MaxRequestBody = 10 }, certificates: new());

        Assert.Equal(expected, await HstsAsync(stage, request));

        await stage.ReloadAsync(stage.Settings with { Hsts = TimeSpan.Zero });
        Assert.Equal(field.StartsWith("strict", StringComparison.Ordinal) ? "max-age=1" : "", await HstsAsync(stage, request));
    }

    private static async Task<string> HstsAsync(HttpStage stage, string request)
    {
        await using var client = await stage.ConnectTlsAsync("a");
        await client.WriteAsync(Encoding.ASCII.GetBytes($"{request}\r\n"));
        using var reader = new StreamReader(client, Encoding.ASCII);
        var values = new List<string>();
        while (await reader.ReadLineAsync().WaitAsync(Eventually.Patience, TimeProvider.System) is { Length: > 0 } line)
        {
            if (line.StartsWith("Strict-Transport-Security: ", StringComparison.OrdinalIgnoreCase))
            {
                values.Add(line[27..]);
            }
        }

        return string.Join(" and ", values);
    }

    [Fact]
    public async Task Large_bodies_pass_both_ways_over_both_versions()
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Request.Body.CopyToAsync(context.Response.Body));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: new());
        var bytes = new byte[5_000_000];
        new Random(4).NextBytes(bytes);
        foreach (var version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            using var client = stage.Client(version);
            using var content = new ByteArrayContent(bytes);

            using var answer = await client.PostAsync(new Uri("/", UriKind.Relative), content);

            Assert.Equal(bytes, await answer.Content.ReadAsByteArrayAsync());
        }

        await Eventually.TrueAsync(() => stage.Status.Connections == 0);
        Assert.All(stage.Logs.Ends, end => Assert.Equal("completed", end["End"]));
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("http/1.1", "")]
    [InlineData("h2", "")]
    [InlineData("h2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0")]
    public async Task Who_asks_for_nothing_after_the_handshake_is_let_go_when_his_time_is_over(string protocol, string said)
    {
        await using var stage = await HttpStage.StartAsync([], settings => settings with { HeaderTimeout = TimeSpan.FromSeconds(3) }, certificates: new());
        await using var tls = await stage.ConnectTlsAsync("a.example", protocol.Length == 0 ? [] : [new SslApplicationProtocol(protocol)]);
        await tls.WriteAsync(Encoding.Latin1.GetBytes(said));

        await new StreamReader(tls).ReadToEndAsync().WaitAsync(Eventually.Patience, TimeProvider.System);
        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
        Assert.Equal("idle", stage.Logs.Ends[0]["End"]);
    }

    [Fact]
    public async Task Draining_ends_idle_connections_of_both_versions_in_order()
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Response.WriteAsync("served"));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: new());
        await using var tls = await stage.ConnectTlsAsync("a.example");
        await tls.WriteAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        await tls.ReadExactlyAsync(new byte[12]);
        await using var client = new RawHttp2Client(await stage.ConnectTlsAsync("a.example", SslApplicationProtocol.Http2));
        await client.BeginAsync();
        await client.SendFieldsAsync(isLast: true, (":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a"));
        Assert.Equal(RawHttp2Client.Status200, await client.ReadAnswerAsync());

        await stage.Forwarder.StopAsync(CancellationToken.None).WaitAsync(Eventually.Patience, TimeProvider.System);

        await new StreamReader(tls).ReadToEndAsync();
        Assert.Equal(RawHttp2Client.GoAway, await client.ReadAnswerAsync());
        Assert.True(client.WasToldToGo);
        Assert.All(stage.Logs.Ends, end => Assert.Equal("completed", end["End"]));
    }
}
