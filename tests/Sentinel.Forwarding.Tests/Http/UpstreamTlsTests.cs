using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Sentinel.Forwarding.Listeners;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

public sealed class UpstreamTlsTests : IDisposable
{
    private readonly X509Certificate2 _certificate = TestCertificates.Make("backend.example").TargetCertificate;
    private readonly string _authorities = Path.GetTempFileName();

    public UpstreamTlsTests() => File.WriteAllText(_authorities, _certificate.ExportCertificatePem());

    public void Dispose() => File.Delete(_authorities);

    [Theory]
    [InlineData(true, "backend.example", true, HttpStatusCode.OK)]
    [InlineData(true, "other.example", true, HttpStatusCode.ServiceUnavailable)]
    [InlineData(true, null, true, HttpStatusCode.ServiceUnavailable)]
    [InlineData(true, "backend.example", false, HttpStatusCode.ServiceUnavailable)]
    [InlineData(false, null, false, HttpStatusCode.OK)]
    public async Task A_backend_is_trusted_as_configured(bool verify, string? name, bool withAuthority, HttpStatusCode status)
    {
        await using var backend = await HttpBackend.StartAsync(Answer, HttpProtocols.Http1, certificate: _certificate);
        await using var stage = await StageAsync(backend, new(verify, name, withAuthority ? _authorities : null));
        using var client = stage.Client();

        for (var i = 0; i < 3; i++)
        {
            using var answer = await client.GetAsync(new Uri("/", UriKind.Relative));
            Assert.Equal(status, answer.StatusCode);
            if (status == HttpStatusCode.OK)
            {
                Assert.Equal("HTTP/1.1 https served", await answer.Content.ReadAsStringAsync());
            }
        }

        Assert.Equal(status != HttpStatusCode.OK, stage.Logs.Lines.Any(line => line.Event == "upstream.tls.failed"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Nothing_is_fetched_on_a_backends_word(bool verify)
    {
        using var tempter = new TcpListener(IPAddress.Loopback, 0);
        tempter.Start();
        var url = $"http://{tempter.LocalEndpoint}/issuer.crt";
        using var backend = new ScriptedBackend(
            async peer =>
            {
                await peer.ReadHeadAsync();
                await peer.SendAsync("HTTP/1.1 204 No Content\r\n\r\n");
            },
            certificate: TestCertificates.MakeIncomplete("backend.example", url));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], settings => settings with { UpstreamTls = new(verify, "backend.example") });
        using var client = stage.Client();

        using var answer = await client.GetAsync(new Uri("/", UriKind.Relative));

        Assert.Equal(verify ? HttpStatusCode.ServiceUnavailable : HttpStatusCode.NoContent, answer.StatusCode);
        Assert.False(tempter.Pending());
    }

    [Fact]
    public async Task A_grpc_call_goes_over_http2_in_tls()
    {
        await using var backend = await HttpBackend.StartAsync(Answer, HttpProtocols.Http1AndHttp2, certificate: _certificate);
        await using var stage = await StageAsync(backend, new(ServerName: "backend.example", CaFile: _authorities));
        using var client = stage.Client(HttpVersion.Version20);
        using var content = new ByteArrayContent([]);
        content.Headers.ContentType = new("application/grpc");

        using var answer = await client.PostAsync(new Uri("/", UriKind.Relative), content);

        Assert.Equal("HTTP/2 https served", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_backend_that_speaks_no_tls_is_as_good_as_down()
    {
        await using var backend = await HttpBackend.StartAsync(Answer);
        await using var stage = await StageAsync(backend, new(Verify: false));
        using var client = stage.Client();

        using var answer = await client.GetAsync(new Uri("/", UriKind.Relative));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
    }

    [Fact]
    public async Task A_body_larger_than_any_buffer_passes_both_ways()
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Request.Body.CopyToAsync(context.Response.Body), certificate: _certificate);
        await using var stage = await StageAsync(backend, new(Verify: false));
        using var client = stage.Client();
        var bytes = new byte[5_000_000];
        new Random(5).NextBytes(bytes);
        using var content = new ByteArrayContent(bytes);

        using var answer = await client.PostAsync(new Uri("/", UriKind.Relative), content);

        Assert.Equal(bytes, await answer.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", 0, true)]
    [InlineData("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", 0, false)]
    [InlineData("GET", "HTTP/1.1 204 No Content\r\n", 0, true)]
    [InlineData("GET", "HTTP/1.1 204 No Content\r\n", 0, false)]
    [InlineData("GET", "HTTP/1.1 304 Not Modified\r\n", 0, true)]
    [InlineData("GET", "HTTP/1.1 304 Not Modified\r\n", 0, false)]
    [InlineData("GET", "HTTP/1.1 200 OK\r\nContent-Length: 6000\r\n", 6000, true)]
    [InlineData("GET", "HTTP/1.1 200 OK\r\nContent-Length: 6000\r\n", 6000, false)]
    public async Task What_comes_behind_an_answer_is_never_taken_for_the_next(string method, string start, int length, bool inOneRecord)
    {
        // A head that fills what is read at once: all behind it stays inside the TLS, whose socket has nothing to read.
        var head = $"{start}X: ";
        head += new string('x', 4096 - head.Length - 4) + "\r\n\r\n";
        var answer = head + new string('y', length);
        const string Forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
        using var backend = new ScriptedBackend(
            async peer =>
            {
                await peer.ReadHeadAsync();
                await (inOneRecord ? peer.SendAsync(answer + Forged) : peer.SendTogetherAsync(answer, Forged));
                await peer.ReadHeadAsync();
            },
            certificate: TestCertificates.Make("backend.example"));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], settings => settings with { UpstreamTls = new(Verify: false) });
        using var client = stage.Client();

        for (var i = 1; i <= 3; i++)
        {
            using var request = new HttpRequestMessage(new(method), new Uri("/", UriKind.Relative));
            using var got = await client.SendAsync(request);
            Assert.DoesNotContain("forged", await got.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            Assert.Equal(i, backend.Connections);
        }
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("PROPFIND")]
    public async Task A_kept_connection_serves_whatever_comes_and_is_left_when_its_backend_closes_it(string method)
    {
        using var backend = new ScriptedBackend(
            async peer =>
            {
                for (var i = 0; i < 10 && await peer.ReadHeadAsync() is not null; i++)
                {
                    await peer.SendTogetherAsync("HTTP/1.1 200 OK\r\n", "Transfer-Encoding: chunked\r\n\r\n3\r\nser\r\n", "3\r\nved\r\n", "0\r\n\r\n");
                }
            },
            certificate: TestCertificates.Make("backend.example"));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], settings => settings with { UpstreamTls = new(Verify: false) });
        using var client = stage.Client();

        for (var i = 1; i <= 30; i++)
        {
            using var request = new HttpRequestMessage(new(method), new Uri("/", UriKind.Relative));
            using var got = await client.SendAsync(request);
            Assert.Equal("served", await got.Content.ReadAsStringAsync());
            var closed = i / 10;
            await Eventually.TrueAsync(() => backend.Closed == closed);
        }

        Assert.Equal(3, backend.Connections);
    }

    [Fact]
    public async Task Authorities_that_cannot_be_read_refuse_the_configuration()
    {
        await using var stage = await HttpStage.StartAsync([]);
        File.WriteAllText(_authorities, "no certificate");

        var errors = await stage.ReloadAsync(stage.Settings with { UpstreamTls = new(CaFile: _authorities) });

        Assert.Equal($"listeners.http: the authorities of upstreamTls, {_authorities}, have no certificate among them; it must be in PEM", Assert.Single(errors).ToString());
    }

    private static Task Answer(HttpContext context)
    {
        context.Response.ContentType = context.Request.ContentType ?? "text/plain";
        return context.Response.WriteAsync($"{context.Request.Protocol} {context.Request.Scheme} served");
    }

    private static Task<HttpStage> StageAsync(HttpBackend backend, UpstreamTlsSettings tls) =>
        HttpStage.StartAsync(backend, settings => settings with { UpstreamTls = tls });
}
