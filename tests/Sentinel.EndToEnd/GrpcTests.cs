using System.Diagnostics;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd;

/// <summary>gRPC's own library at both ends (C core, by its Python binding), with the daemon in between.</summary>
public sealed class GrpcTests : IAsyncLifetime
{
    private const string All =
        """
        unary answered b'HELLO'
        client b'a+b+c'
        server [b'n0', b'n1', b'n2']
        both [b'eno', b'owt', b'eerht'] head tail b'\x00\xff' OK
        fail NOT_FOUND 'no such thing: é %' [('why', 'nobody knows')]
        nowhere UNIMPLEMENTED
        large 3000000

        """;

    private readonly Sandbox _sandbox = new();
    private SentinelProcess _sentinel = null!;
    private Process? _server;

    public async Task InitializeAsync()
    {
        _sentinel = await _sandbox.StartAsync(new
        {
            backends = new { one = new { address = _sandbox.Address(10), health = new { kind = "tcp", port = 50051, interval = "100ms", healthyAfter = 1, unhealthyAfter = 1 } } },
            pools = new { calls = new { backends = new[] { "one" } } },
            listeners = new
            {
                http = new { bind = new[] { $"{_sandbox.Front}:8080" }, protocol = "http", pool = "calls", port = 50051, hold = "0s" },
                https = new { bind = new[] { $"{_sandbox.Front}:8443" }, protocol = "https", pool = "calls", port = 50051, hold = "0s" },
            },
        });
    }

    public async Task DisposeAsync()
    {
        Stop();
        await _sandbox.DisposeAsync();
    }

    [NeedsFact("linux", "grpc")]
    public async Task Calls_of_every_kind_pass_in_clear_and_in_TLS_and_an_outage_is_UNAVAILABLE()
    {
        await StartAsync();
        Assert.Equal(All, (await ClientAsync(tls: false)).Ok());
        Assert.Equal(All, (await ClientAsync(tls: true)).Ok());

        Stop();
        await Eventually.TrueAsync(async () => await _sentinel.StateAsync("one") != "serving");
        foreach (var tls in new[] { false, true })
        {
            Assert.StartsWith("unary UNAVAILABLE ", (await ClientAsync(tls)).Ok(), StringComparison.Ordinal);
        }

        await StartAsync();
        Assert.Equal(All, (await ClientAsync(tls: true)).Ok());
    }

    private async Task StartAsync()
    {
        _server = Shell.Start("/usr/bin/python3", Script("server.py"), $"{_sandbox.Address(10)}:50051");
        await _sentinel.UntilAsync("one", "serving");
    }

    private void Stop()
    {
        _server?.Kill();
        _server?.WaitForExit();
        _server?.Dispose();
        _server = null;
    }

    private async Task<Shell.Result> ClientAsync(bool tls) => tls
        ? await Shell.RunAsync("/usr/bin/python3", [Script("client.py"), $"{_sandbox.Front}:8443", .. await TrustAsync()])
        : await Shell.RunAsync("/usr/bin/python3", Script("client.py"), $"{_sandbox.Front}:8080");

    /// <summary>The library trusts nobody blindly: it is told to trust what is shown here, by the name that is in it.</summary>
    private async Task<string[]> TrustAsync()
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(_sandbox.Front, 8443);
        await using var tls = new SslStream(socket.GetStream(), leaveInnerStreamOpen: false, (_, certificate, _, _) => certificate is not null);
        await tls.AuthenticateAsClientAsync("calls.test");
        using var shown = new X509Certificate2(tls.RemoteCertificate!);
        return [_sandbox.Write("shown.pem", shown.ExportCertificatePem()), shown.GetNameInfo(X509NameType.DnsName, forIssuer: false)];
    }

    private static string Script(string name) => Path.Combine(AppContext.BaseDirectory, "Grpc", name);
}
