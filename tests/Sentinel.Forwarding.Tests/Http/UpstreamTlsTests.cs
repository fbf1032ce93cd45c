using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Sentinel.Forwarding.Listeners;

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
