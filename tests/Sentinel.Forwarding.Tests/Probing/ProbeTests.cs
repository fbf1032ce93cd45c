using System.Net;
using System.Security.Cryptography.X509Certificates;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Forwarding.Probing;
using Sentinel.Forwarding.Tests.Http;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;
using Loopback = Sentinel.Forwarding.Tests.Kit.Loopback;

namespace Sentinel.Forwarding.Tests.Probing;

/// <summary>What a probe says of real servers, with and without the PROXY header they expect.</summary>
public sealed class ProbeTests : IDisposable
{
    private const int Port = 7100;
    private readonly IPEndPoint _at = new(Loopback.Next(), Port);
    private readonly string _folder = Directory.CreateTempSubdirectory("probe-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [NeedsTheory("linux", "sshd")]
    [InlineData(ProxyProtocol.None, ProbeVerdict.Good, "\"SSH-2.0-OpenSSH")]
    [InlineData(ProxyProtocol.V1, ProbeVerdict.Wrong, "it does not expect the PROXY header and closes the connection at it, but serves without it (\"SSH-2.0-OpenSSH")]
    [InlineData(ProxyProtocol.V2, ProbeVerdict.Wrong, "it does not expect the PROXY header and closes the connection at it, but serves without it (\"SSH-2.0-OpenSSH")]
    public async Task Sshd(ProxyProtocol form, ProbeVerdict verdict, string text)
    {
        using var sshd = await ServerProgram.SshdAsync(_at);

        AssertFound(verdict, text, await ProbeAsync(ListenerProtocol.Tcp, form));
    }

    [NeedsTheory("linux", "sshd", "haproxy")]
    [InlineData(ProxyProtocol.V2, ProbeVerdict.Good, "\"SSH-2.0-OpenSSH")]
    [InlineData(ProxyProtocol.V1, ProbeVerdict.Good, "\"SSH-2.0-OpenSSH")]
    [InlineData(ProxyProtocol.None, ProbeVerdict.Wrong, "it answers only after a PROXY header (then: \"SSH-2.0-OpenSSH")]
    public async Task Sshd_behind_haproxy_that_wants_the_header(ProxyProtocol form, ProbeVerdict verdict, string text)
    {
        var behind = new IPEndPoint(Loopback.Next(), Port);
        using var sshd = await ServerProgram.SshdAsync(behind);
        using var haproxy = await ServerProgram.HaproxyAsync(_at,
            $"""
            listen ssh
                mode tcp
                bind {_at} accept-proxy
                server one {behind}
            """);

        AssertFound(verdict, text, await ProbeAsync(ListenerProtocol.Tcp, form));
    }

    [NeedsTheory("linux", "nginx")]
    [InlineData(true, ProxyProtocol.V1, ProbeVerdict.Good, "HTTP 200, after its PROXY header")]
    [InlineData(true, ProxyProtocol.V2, ProbeVerdict.Good, "HTTP 200, after its PROXY header")]
    [InlineData(true, ProxyProtocol.None, ProbeVerdict.Wrong, "it answers only after a PROXY header (then: HTTP 200); set \"proxyProtocol\": \"v1\", or have the backend not expect one")]
    [InlineData(false, ProxyProtocol.V1, ProbeVerdict.Wrong, "it does not expect the PROXY header and closes the connection at it, but serves without it (HTTP 200)")]
    [InlineData(false, ProxyProtocol.V2, ProbeVerdict.Wrong, "it does not expect the PROXY header and closes the connection at it, but serves without it (HTTP 200)")]
    [InlineData(false, ProxyProtocol.None, ProbeVerdict.Good, "HTTP 200")]
    public async Task Nginx(bool expects, ProxyProtocol form, ProbeVerdict verdict, string text)
    {
        using var nginx = await NginxAsync(expects ? "proxy_protocol" : "");

        AssertFound(verdict, text, await ProbeAsync(ListenerProtocol.Tcp, form));
    }

    [NeedsTheory("linux", "nginx")]
    [InlineData("ssl", ProxyProtocol.None, ProbeVerdict.Good, "TLS 1.3, certificate of ")]
    [InlineData("ssl", ProxyProtocol.V2, ProbeVerdict.Wrong, "it does not expect the PROXY header: TLS fails with it and works without")]
    [InlineData("ssl proxy_protocol", ProxyProtocol.V1, ProbeVerdict.Good, "TLS 1.3, certificate of ")]
    [InlineData("ssl proxy_protocol", ProxyProtocol.None, ProbeVerdict.Wrong, "it speaks TLS only after a PROXY header; set \"proxyProtocol\": \"v1\"")]
    [InlineData("", ProxyProtocol.None, ProbeVerdict.Wrong, "it speaks HTTP in clear; give the backend's TLS port, or use protocol https")]
    public async Task Nginx_behind_a_tls_listener(string how, ProxyProtocol form, ProbeVerdict verdict, string text)
    {
        using var nginx = await NginxAsync(how);

        AssertFound(verdict, text, await ProbeAsync(ListenerProtocol.Tls, form));
    }

    [NeedsFact("linux", "nginx")]
    public async Task Each_route_of_a_tls_listener_is_asked_for_by_its_name()
    {
        using var nginx = await NginxAsync("ssl", "if ($ssl_server_name != app.example.test) { return 404; } ssl_reject_handshake off;");
        var listener = Listener(ListenerProtocol.Tls) with { Routes = [new() { Host = "app.example.test", Pool = HttpStage.Web, Port = Port }, new() { Host = "*.example.test", Pool = HttpStage.Web, Port = Port }] };

        var found = await ProbeAsync(listener);

        Assert.Equal([$"{_at} for app.example.test", $"{_at} for sentinel-probe.example.test", $"{_at}"], found.Select(finding => finding.Place));
        Assert.All(found, finding => Assert.Equal(ProbeVerdict.Good, finding.Verdict));
    }

    [NeedsFact("linux", "nginx")]
    public async Task A_name_that_a_backend_refuses_is_told()
    {
        using var nginx = await NginxAsync("ssl", "ssl_reject_handshake on;");
        var listener = Listener(ListenerProtocol.Tls) with { Routes = [new() { Host = "app.example.test", Pool = HttpStage.Web, Port = Port }] };

        var found = await ProbeAsync(listener);

        Assert.StartsWith("it speaks TLS and refuses this name", found[0].Text, StringComparison.Ordinal);
        AssertFound(ProbeVerdict.Good, "TLS; it wants a server name that it knows", [found[1]]);
    }

    [NeedsTheory("linux", "nginx")]
    [InlineData("", false, ProbeVerdict.Good, "HTTP 200")]
    [InlineData("proxy_protocol", false, ProbeVerdict.Wrong, "it answers only after a PROXY header, which protocol http does not send")]
    [InlineData("ssl", false, ProbeVerdict.Wrong, "it speaks TLS; set upstreamTls, or give the port where it speaks HTTP in clear")]
    [InlineData("", true, ProbeVerdict.Wrong, "it speaks HTTP in clear; leave upstreamTls out, or give the backend's TLS port")]
    public async Task Nginx_behind_an_http_listener(string how, bool tls, ProbeVerdict verdict, string text)
    {
        using var nginx = await NginxAsync(how);

        AssertFound(verdict, text, await ProbeAsync(Listener(ListenerProtocol.Http) with { UpstreamTls = tls ? new() : null }));
    }

    [NeedsTheory("linux", "nginx")]
    [InlineData(true, true, "backend.example.test", ProbeVerdict.Good, "HTTP 200 over TLS")]
    [InlineData(false, false, null, ProbeVerdict.Good, "HTTP 200 over TLS")]
    [InlineData(true, false, "backend.example.test", ProbeVerdict.Wrong, "TLS could not be agreed upon: ")]
    [InlineData(true, true, "other.example.test", ProbeVerdict.Wrong, "TLS could not be agreed upon: ")]
    public async Task Certificates_of_backends_are_verified_as_configured(bool verify, bool trusted, string? name, ProbeVerdict verdict, string text)
    {
        using var nginx = await NginxAsync("ssl");
        var tls = new UpstreamTlsSettings(verify, name, trusted ? Path.Combine(_folder, "certificate.pem") : null);

        AssertFound(verdict, text, await ProbeAsync(Listener(ListenerProtocol.Https) with { UpstreamTls = tls }));
    }

    [NeedsTheory("linux", "haproxy")]
    [InlineData("accept-proxy", ProxyProtocol.V2, ProbeVerdict.Good, "HTTP 200, after its PROXY header")]
    [InlineData("accept-proxy", ProxyProtocol.None, ProbeVerdict.Wrong, "it answers only after a PROXY header (then: HTTP 200)")]
    [InlineData("", ProxyProtocol.V2, ProbeVerdict.Wrong, "it does not expect the PROXY header and ")]
    public async Task Haproxy(string how, ProxyProtocol form, ProbeVerdict verdict, string text)
    {
        using var haproxy = await ServerProgram.HaproxyAsync(_at,
            $"""
            frontend behind
                mode http
                bind {_at} {how}
                http-request return status 200
            """);

        AssertFound(verdict, text, await ProbeAsync(ListenerProtocol.Tcp, form));
    }

    [Fact]
    public async Task Nobody_there_and_nobody_known()
    {
        AssertFound(ProbeVerdict.Wrong, "nobody listens there; start the service on the backend, or mend port", await ProbeAsync(ListenerProtocol.Tcp, ProxyProtocol.V1));
        var unknown = await new BackendProbe(TimeProvider.System, Patience).RunAsync([Listener(ListenerProtocol.Http)], Pools, _ => null, CancellationToken.None);
        AssertFound(ProbeVerdict.NotTried, "its address is its instance's", unknown);
        Assert.Equal("?:7100", unknown[0].Place);
    }

    [Fact]
    public async Task A_server_that_waits_for_a_protocol_of_its_own_is_no_fault()
    {
        using var silent = new ScriptedBackend(peer => peer.ReadHeadAsync().ContinueWith(_ => peer.ReadHeadAsync(), TaskScheduler.Default), _at);

        AssertFound(ProbeVerdict.Good, "accepts, and answers neither HTTP nor TLS", await ProbeAsync(ListenerProtocol.Tcp, ProxyProtocol.None));
    }

    private static ProbePatience Patience => new(TimeSpan.FromMilliseconds(400), TimeSpan.FromMilliseconds(800));

    private static PoolDefinition[] Pools => [new() { Id = HttpStage.Web, Backends = [HttpStage.Backend(0)] }];

    private static ListenerSettings Listener(ListenerProtocol protocol) =>
        new() { Name = "front", Bind = [], Protocol = protocol, Pool = HttpStage.Web, Port = Port };

    private static void AssertFound(ProbeVerdict verdict, string text, IReadOnlyList<ProbeFinding> found)
    {
        var finding = Assert.Single(found);
        Assert.StartsWith(text, finding.Text, StringComparison.Ordinal);
        Assert.Equal(verdict, finding.Verdict);
    }

    private Task<IReadOnlyList<ProbeFinding>> ProbeAsync(ListenerProtocol protocol, ProxyProtocol form) =>
        ProbeAsync(Listener(protocol) with { ProxyProtocol = form });

    private Task<IReadOnlyList<ProbeFinding>> ProbeAsync(ListenerSettings listener) =>
        new BackendProbe(TimeProvider.System, Patience).RunAsync([listener], Pools, _ => _at.Address.ToString(), CancellationToken.None);

    private Task<ServerProgram> NginxAsync(string how, string more = "")
    {
        var certificate = TestCertificates.Make("backend.example.test").TargetCertificate;
        File.WriteAllText(Path.Combine(_folder, "certificate.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(_folder, "key.pem"), certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        return ServerProgram.NginxAsync(_at,
            $"listen {_at} {how}; ssl_certificate {_folder}/certificate.pem; ssl_certificate_key {_folder}/key.pem; ssl_protocols TLSv1.2 TLSv1.3; {more} location / {{ return 200 \"fine\"; }}");
    }
}
