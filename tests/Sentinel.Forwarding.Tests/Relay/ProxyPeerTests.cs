using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Forwarding.Tests.Http;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;
using Loopback = Sentinel.Forwarding.Tests.Kit.Loopback;

namespace Sentinel.Forwarding.Tests.Relay;

/// <summary>HAProxy and nginx at the other end of a PROXY header. They answer with whom it named.</summary>
public sealed class ProxyPeerTests
{
    private const string Ask = "GET / HTTP/1.0\r\n\r\n";

    [NeedsTheory("linux", "haproxy")]
    [InlineData(RelayEngine.Managed, ProxyProtocol.V1)]
    [InlineData(RelayEngine.Managed, ProxyProtocol.V2)]
    [InlineData(RelayEngine.Splice, ProxyProtocol.V1)]
    [InlineData(RelayEngine.Splice, ProxyProtocol.V2)]
    public async Task HaproxyBehindUsSeesTheClient(RelayEngine engine, ProxyProtocol form)
    {
        await using var rig = new Rig(engine) { Port = 7001 };
        var behind = new IPEndPoint(Loopback.Next(), rig.Port);
        using var haproxy = await ServerProgram.HaproxyAsync(behind, Answering(behind));
        rig.Claim("a", behind.Address.ToString());
        await rig.StartAsync(rig.Listener() with { ProxyProtocol = form });

        var client = await rig.ConnectAsync(from: Loopback.Next());
        await client.SendTextAsync(Ask);

        Assert.EndsWith($"\n{client.LocalEndPoint} > {rig.At}\n", await client.ReadTextToEndAsync(), StringComparison.Ordinal);
    }

    [NeedsTheory("linux", "nginx")]
    [InlineData(RelayEngine.Managed, ProxyProtocol.V1)]
    [InlineData(RelayEngine.Managed, ProxyProtocol.V2)]
    [InlineData(RelayEngine.Splice, ProxyProtocol.V1)]
    [InlineData(RelayEngine.Splice, ProxyProtocol.V2)]
    public async Task NginxBehindUsSeesTheClientAlsoAfterAHold(RelayEngine engine, ProxyProtocol form)
    {
        await using var rig = new Rig(engine) { Port = 7002 };
        var behind = new IPEndPoint(Loopback.Next(), rig.Port);
        using var nginx = await ServerProgram.NginxAsync(behind,
            $"listen {behind} proxy_protocol; location / {{ return 200 \"$proxy_protocol_addr:$proxy_protocol_port > $proxy_protocol_server_addr:$proxy_protocol_server_port\\n\"; }}");
        rig.Claim("a", behind.Address.ToString());
        rig.Report("a", healthy: false);
        await rig.StartAsync(rig.Listener() with { ProxyProtocol = form });

        var client = await rig.ConnectAsync(from: Loopback.Next());
        await client.SendTextAsync(Ask);
        await Eventually.TrueAsync(() => rig.Status().Held == 1);
        rig.Report("a", healthy: true);

        Assert.EndsWith($"\n{client.LocalEndPoint} > {rig.At}\n", await client.ReadTextToEndAsync(), StringComparison.Ordinal);
    }

    [NeedsTheory("linux", "haproxy")]
    [InlineData(RelayEngine.Managed, "send-proxy")]
    [InlineData(RelayEngine.Managed, "send-proxy-v2")]
    [InlineData(RelayEngine.Splice, "send-proxy")]
    [InlineData(RelayEngine.Splice, "send-proxy-v2")]
    [InlineData(RelayEngine.Splice, "send-proxy-v2 proxy-v2-options unique-id,crc32c")]
    public async Task WhatHaproxyInFrontOfUsSaysReachesHaproxyBehindUs(RelayEngine engine, string form)
    {
        await using var rig = new Rig(engine) { Port = 7003 };
        var (before, behind, proxy) = (new IPEndPoint(Loopback.Next(), 7004), new IPEndPoint(Loopback.Next(), rig.Port), Loopback.Next());
        using var last = await ServerProgram.HaproxyAsync(behind, Answering(behind));
        rig.Claim("a", behind.Address.ToString());
        await rig.StartAsync(rig.Listener() with { AcceptProxyProtocolFrom = [new IPNetwork(proxy, 32)], ProxyProtocol = ProxyProtocol.V2 });
        using var first = await ServerProgram.HaproxyInFrontAsync(before, rig.At, proxy, form);

        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(before);
        await client.SendTextAsync(Ask);

        var near = client.LocalEndPoint!.ToString();
        Assert.EndsWith($"\n{near} > {before}\n", await client.ReadTextToEndAsync(), StringComparison.Ordinal);

        // HAProxy keeps its half open for as long as the client does.
        client.Dispose();
        await Eventually.TrueAsync(() => rig.Logs.Ends.Any(end => end["Client"] == near));
    }

    /// <summary>The header comes once and before the hello, which it does not touch: the session is the client's with the server behind.</summary>
    [NeedsTheory("linux", "haproxy", "nginx")]
    [InlineData("haproxy", RelayEngine.Managed, ProxyProtocol.V1)]
    [InlineData("haproxy", RelayEngine.Managed, ProxyProtocol.V2)]
    [InlineData("haproxy", RelayEngine.Splice, ProxyProtocol.V1)]
    [InlineData("haproxy", RelayEngine.Splice, ProxyProtocol.V2)]
    [InlineData("nginx", RelayEngine.Managed, ProxyProtocol.V1)]
    [InlineData("nginx", RelayEngine.Managed, ProxyProtocol.V2)]
    [InlineData("nginx", RelayEngine.Splice, ProxyProtocol.V1)]
    [InlineData("nginx", RelayEngine.Splice, ProxyProtocol.V2)]
    public async Task WhoEndsTlsBehindUsSeesTheClient(string program, RelayEngine engine, ProxyProtocol form)
    {
        using var certificate = new PemFile("the backend");
        var behind = new IPEndPoint(Loopback.Next(), 7005);
        using var server = program == "haproxy"
            ? await ServerProgram.HaproxyAsync(behind, Answering(behind, $"ssl crt {certificate.Path}"))
            : await ServerProgram.NginxAsync(behind,
                $"listen {behind} ssl proxy_protocol; ssl_certificate {certificate.Path}; ssl_certificate_key {certificate.Path}; "
                + "location / { return 200 \"$proxy_protocol_addr:$proxy_protocol_port > $proxy_protocol_server_addr:$proxy_protocol_server_port\\n\"; }");
        await using var stage = await HttpStage.StartAsync(
            [behind], settings => settings with { Protocol = ListenerProtocol.Tls, Engine = engine, ProxyProtocol = form }, certificates: new("h"));

        var wire = await stage.ConnectAsync();
        var client = wire.Socket.LocalEndPoint;
        await using var tls = await stage.ConnectTlsAsync("h", wire);
        await tls.WriteAsync(Encoding.ASCII.GetBytes(Ask));
        var answer = await new StreamReader(tls, Encoding.ASCII).ReadToEndAsync().WaitAsync(Eventually.Patience, TimeProvider.System);

        Assert.Equal("CN=the backend", tls.RemoteCertificate!.Subject);
        Assert.StartsWith("HTTP/1.", answer, StringComparison.Ordinal);
        Assert.EndsWith($"\n{client} > {stage.EndPoint}\n", answer, StringComparison.Ordinal);
    }

    private static string Answering(IPEndPoint at, string tls = "") =>
        $"""
        frontend behind
            mode http
            bind {at} accept-proxy {tls}
            http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] > %[dst]:%[dst_port]\n"
        """;

    /// <summary>A certificate and its key in one file, as servers read it.</summary>
    private sealed class PemFile : IDisposable
    {
        public PemFile(string name)
        {
            var certificate = TestCertificates.Make(name).TargetCertificate;
            using var key = certificate.GetECDsaPrivateKey()!;
            File.WriteAllText(Path, certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n");
        }

        public string Path { get; } = System.IO.Path.GetTempFileName();

        public void Dispose() => File.Delete(Path);
    }
}
