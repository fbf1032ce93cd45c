using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd;

/// <summary>Real TLS clients through an <c>https</c> and a <c>tls</c> listener, the latter in front of a real TLS server.</summary>
public sealed class TlsTests : IAsyncLifetime
{
    private readonly Sandbox _sandbox = new();
    private SentinelProcess _sentinel = null!;

    public async Task InitializeAsync()
    {
        await TlsScene.MakeCertificateAsync(_sandbox);
        _sentinel = await _sandbox.StartAsync(new
        {
            backends = TlsScene.Backends(_sandbox, _sandbox.WebVm("one", _sandbox.Address(10))),
            pools = TlsScene.Pools,
            listeners = TlsScene.Listeners(_sandbox),
        });
        await _sentinel.UntilAsync("one", "serving");
        await _sentinel.UntilAsync("two", "serving");
    }

    public async Task DisposeAsync() => await _sandbox.DisposeAsync();

    [NeedsFact("curl", "openssl")]
    public async Task Curl_speaks_both_versions_and_is_sent_to_https()
    {
        Assert.Equal("one 2", (await CurlAsync("-w", " %{http_version}", $"https://{_sandbox.Front}:8443/")).Ok());
        Assert.Equal("one 1.1", (await CurlAsync("--http1.1", "-w", " %{http_version}", $"https://{_sandbox.Front}:8443/")).Ok());
        var seen = (await CurlAsync("--resolve", $"app.example.test:8443:{_sandbox.Front}", "https://app.example.test:8443/headers")).Ok();
        Assert.Contains("X-Forwarded-Proto: https", seen, StringComparison.Ordinal);
        Assert.Contains("Host: app.example.test:8443", seen, StringComparison.Ordinal);
        Assert.Equal(
            "308 https://app.example.test/a?b=c",
            (await CurlAsync("-w", "%{http_code} %{redirect_url}", "-H", "Host: app.example.test", $"http://{_sandbox.Front}:8080/a?b=c")).Ok());
    }

    [NeedsTheory("openssl")]
    [InlineData("-tls1_2", "TLSv1.2")]
    [InlineData("-tls1_3", "TLSv1.3")]
    public async Task Openssl_resumes_its_session(string option, string version)
    {
        var session = _sandbox.PathOf("session" + option);
        var first = await HandshakeAsync(option, "-sess_out", session);
        Assert.Contains($"New, {version}", first, StringComparison.Ordinal);

        Assert.Contains($"Reused, {version}", await HandshakeAsync(option, "-sess_in", session), StringComparison.Ordinal);
    }

    [NeedsFact("openssl")]
    public async Task Old_versions_of_TLS_are_refused()
    {
        var result = await Shell.RunAsync("openssl", "s_client", "-connect", $"{_sandbox.Front}:8443", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0");

        Assert.NotEqual(0, result.Status);
        Assert.Contains("alert protocol version", result.Error, StringComparison.Ordinal);
    }

    [NeedsFact("nghttp", "openssl")]
    public async Task Nghttp_gets_many_pages_on_one_connection()
    {
        var result = await Shell.RunAsync("nghttp", "--no-verify-peer", "-m", "20", $"https://{_sandbox.Front}:8443/");

        Assert.Equal(string.Concat(Enumerable.Repeat("one", 20)), result.Ok());
    }

    [NeedsTheory("h2load", "openssl")]
    [InlineData("h2", "10")]
    [InlineData("http/1.1", "1")]
    public async Task H2load_loses_nothing(string protocol, string streams)
    {
        var report = (await Shell.RunAsync("h2load", "-n", "1000", "-c", "10", "-m", streams, $"--npn-list={protocol}", $"https://{_sandbox.Front}:8443/")).Ok();

        Assert.Contains("1000 succeeded, 0 failed, 0 errored, 0 timeout", report, StringComparison.Ordinal);
    }

    [NeedsFact("curl", "openssl")]
    public async Task Tls_passes_through_while_the_backend_serves_and_is_answered_while_it_does_not()
    {
        var passed = await CurlAsync("--cacert", _sandbox.PathOf("backend.pem"), "--connect-to", $"the-backend:443:{_sandbox.Front}:9443", "https://the-backend/");
        Assert.Contains("s_server", passed.Ok(), StringComparison.Ordinal);

        await _sentinel.PostAsync("/v1/backends/two/drain");
        await _sentinel.UntilAsync("two", "drained", "draining");
        Assert.Equal("503", (await CurlAsync("-o", "/dev/null", "-w", "%{http_code}", $"https://{_sandbox.Front}:9443/")).Ok());
        Assert.Contains("Out of service", (await CurlAsync("-H", "Accept: text/html", $"https://{_sandbox.Front}:9443/")).Ok(), StringComparison.Ordinal);

        await _sentinel.PostAsync("/v1/backends/two/resume");
        await _sentinel.UntilAsync("two", "serving");
        passed = await CurlAsync("--cacert", _sandbox.PathOf("backend.pem"), "--connect-to", $"the-backend:443:{_sandbox.Front}:9443", "https://the-backend/");
        Assert.Contains("s_server", passed.Ok(), StringComparison.Ordinal);
    }

    [NeedsFact("chromium", "openssl", "linux")]
    public async Task Chromium_is_served_here_and_passed_through()
    {
        Assert.Contains("one", await PageAsync(8443), StringComparison.Ordinal);

        // Its hello has GREASE, an encrypted hello or what looks like one, and a post-quantum key share: more than one packet.
        Assert.Contains("s_server", await PageAsync(9443), StringComparison.Ordinal);

        async Task<string> PageAsync(int port) => (await Shell.RunAsync(
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--no-proxy-server", "--ignore-certificate-errors", $"--user-data-dir={_sandbox.PathOf("chromium")}",
            $"--host-resolver-rules=MAP app.example.test {_sandbox.Front}", "--dump-dom", $"https://app.example.test:{port}/")).Ok();
    }

    private static Task<Shell.Result> CurlAsync(params string[] arguments) =>
        Shell.RunAsync("curl", ["-sS", "--max-time", "30", .. arguments.Contains("--cacert") ? [] : (string[])["-k"], .. arguments]);

    /// <summary>A handshake and a request after it: tickets of TLS 1.3 come with the answer.</summary>
    private async Task<string> HandshakeAsync(params string[] arguments)
    {
        using var request = new MemoryStream("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"u8.ToArray());
        return (await Shell.RunAsync("openssl", request, ["s_client", "-connect", $"{_sandbox.Front}:8443", "-servername", "a.example", "-ign_eof", .. arguments])).Ok();
    }
}
