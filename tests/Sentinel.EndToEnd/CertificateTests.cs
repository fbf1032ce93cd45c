using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.EndToEnd;

/// <summary>The real daemon and a real authority, which refuses every second nonce.</summary>
public sealed class CertificateTests : IAsyncLifetime
{
    private const string Name = "app.example.test";

    private readonly Sandbox _sandbox = new();
    private Pebble _pebble = null!;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _sandbox.DisposeAsync();
        if (_pebble is not null)
        {
            await _pebble.DisposeAsync();
        }
    }

    [NeedsFact("pebble", "pebble-challtestsrv", "curl", "openssl")]
    public async Task By_http_a_certificate_is_had_that_outlives_the_VM_the_authority_and_the_daemon()
    {
        await BeginAsync(httpPort: 8080, tlsPort: 1);
        var sentinel = await _sandbox.StartAsync(Configuration("http-01"));
        await sentinel.UntilAsync("one", "serving");

        await UntilHeldAsync(sentinel);

        var root = await RootAsync();
        Assert.Equal("one", (await CurlAsync(root, 8443)).Ok());
        var serial = await SerialAsync(8443);
        var certificate = (await sentinel.StatusAsync())["certificates"]![0]!;
        Assert.Equal(("acme", null, serial), ((string?)certificate["source"], (string?)certificate["lastError"], (string?)certificate["serialNumber"]));
        Assert.True(DateTimeOffset.Parse((string)certificate["renewAt"]!) < DateTimeOffset.Parse((string)certificate["notAfter"]!));
        Assert.NotNull(await sentinel.MetricAsync($"sentinel_certificate_expiry_timestamp_seconds{{name=\"{Name}\",source=\"acme\"}}"));
        Assert.Equal(1, await sentinel.MetricAsync("sentinel_certificate_renewals_total{outcome=\"renewed\"}"));

        // A challenge that is not ours is the VM's to answer; everything else is sent to https.
        Assert.Equal("one of-the-vm", (await Shell.RunAsync("curl", "-sS", $"http://{_sandbox.Front}:8080/.well-known/acme-challenge/of-the-vm")).Ok());
        Assert.Equal("308", (await Shell.RunAsync("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", $"http://{_sandbox.Front}:8080/")).Ok());

        await _pebble.StopAsync();
        await sentinel.KillAsync();
        Sandbox.KillWith($"--address {_sandbox.Address(10)}"); // it outlives the daemon, and the next one would take it over
        Assert.DoesNotContain("PRIVATE KEY", sentinel.Log, StringComparison.Ordinal);
        var restarted = await _sandbox.StartAsync(Configuration("http-01", isDown: true));

        await Eventually.TrueAsync(async () => (await CurlAsync(root, 8443, "-o", "/dev/null", "-w", "%{http_code}")).Ok() == "503");
        Assert.Equal(serial, await SerialAsync(8443));
        Assert.Empty(restarted.Events("certificate.renewal.failed"));
    }

    [NeedsFact("pebble", "pebble-challtestsrv", "curl", "openssl")]
    public async Task By_tls_a_certificate_is_had_through_a_listener_that_passes_tls_through()
    {
        await TlsScene.MakeCertificateAsync(_sandbox);
        await BeginAsync(httpPort: 1, tlsPort: 9443);
        var sentinel = await _sandbox.StartAsync(Configuration("tls-alpn-01"));
        await sentinel.UntilAsync("two", "serving");

        await UntilHeldAsync(sentinel);

        // Passed through while the VM serves; with the certificate that we have while it does not.
        Assert.Contains("the-backend", await SubjectAsync(9443), StringComparison.Ordinal);
        await sentinel.PostAsync("/v1/backends/two/drain");
        await sentinel.UntilAsync("two", "drained", "draining");
        Assert.Equal("503", (await CurlAsync(await RootAsync(), 9443, "-o", "/dev/null", "-w", "%{http_code}")).Ok());
    }

    [NeedsFact("pebble", "pebble-challtestsrv", "openssl")]
    public async Task Operators_revoke_and_change_keys_by_command()
    {
        await BeginAsync(httpPort: 8080, tlsPort: 1);
        var sentinel = await _sandbox.StartAsync(Configuration("http-01"));
        await UntilHeldAsync(sentinel);
        var serial = await SerialAsync(8443);

        // Where nothing is held, what is shown encrypts and is signed by nobody; and no key is told to anybody.
        Assert.Contains("sentinel.invalid", await ShownAsync(8443, "-subject", "other.example.test"), StringComparison.Ordinal);
        Assert.DoesNotContain("PRIVATE KEY", await sentinel.GetAsync("/status") + await sentinel.GetAsync("/") + await sentinel.GetAsOperatorAsync("/v1/certificates"), StringComparison.Ordinal);
        Task<Shell.Result> AskAsync(params string[] words) =>
            DaemonProgram.RunAsync(["certificates", .. words, "--config", sentinel.Configuration]);

        Shell.Result result = null!;
        await Eventually.TrueAsync(async () => (result = await AskAsync("roll-key")).Status == 0);
        Assert.Equal($"The account at {_pebble.Directory} has a new key.\n", result.Output);
        result = await AskAsync("revoke", "elsewhere.test");
        Assert.Equal((1, "sentinel: No certificate for exactly 'elsewhere.test' is held; /status lists those that are.\n"), (result.Status, result.Error));
        result = await AskAsync("revoke", Name, "--reason", "keyCompromise");
        Assert.Equal((0, $"The certificate for {Name} is revoked, and shown until the next one is there; 'sentinel certificates' tells when that is ordered.\n"), (result.Status, result.Output));

        // With the new key, and not twice.
        Assert.Equal(serial, (string?)Assert.Single(sentinel.Events("certificate.revoked"))["serialNumber"]);
        result = await AskAsync("revoke", Name);
        Assert.Equal(0, result.Status);
        Assert.Single(sentinel.Events("certificate.revoked"));
        Assert.Equal(serial, await SerialAsync(8443));
        Assert.InRange((DateTimeOffset)(await sentinel.StatusAsync())["certificates"]![0]!["renewAt"]!, DateTimeOffset.MinValue, TimeProvider.System.GetUtcNow().AddMinutes(2));
    }

    [NeedsFact("caddy", "curl", "openssl")]
    public async Task What_Caddy_on_a_VM_shows_is_shown_in_its_outage_and_after_a_restart_in_it()
    {
        var data = _sandbox.PathOf("data");
        var caddyfile = _sandbox.Write("Caddyfile", $$"""
            {
                admin off
                skip_install_trust
                auto_https disable_redirects
                https_port 8443
            }
            https://{{Name}} {
                bind {{_sandbox.Address(12)}}
                tls internal
                respond caddy
            }
            """);
        object Configured(bool isDown) => new
        {
            backends = new Dictionary<string, object>
            {
                ["vm"] = new
                {
                    instance = "process/vm",
                    address = _sandbox.Address(12),
                    command = (string[])(isDown ? ["/bin/sleep", "1000"] : [Needs.Find("caddy")!, "run", "--config", caddyfile, "--adapter", "caddyfile"]),
                    environment = new { XDG_DATA_HOME = data, XDG_CONFIG_HOME = data, HOME = data },
                    health = new { kind = "tcp", port = 8443, interval = "1s" },
                },
            },
            pools = new { secure = new { backends = new[] { "vm" } } },
            listeners = new { tls = new { bind = new[] { $"{_sandbox.Front}:9443" }, protocol = "tls", pool = "secure", port = 8443 } },
            certificates = new { sync = new[] { new { directory = data, interval = "1s" } } },
        };
        Directory.CreateDirectory(data);
        var sentinel = await _sandbox.StartAsync(Configured(isDown: false));
        await sentinel.UntilAsync("vm", "serving");
        await UntilHeldAsync(sentinel);
        var root = Path.Combine(data, "caddy", "pki", "authorities", "local", "root.crt");
        Assert.Equal("caddy", (await CurlAsync(root, 9443)).Ok());
        var before = await SerialAsync(9443);
        await Eventually.TrueAsync(async () => (await sentinel.StatusAsync())["certificates"]!.AsArray().Any(held => (string?)held!["serialNumber"] == before));
        Assert.Null((string?)(await sentinel.StatusAsync())["certificateSync"]![0]!["lastError"]);

        await sentinel.PostAsync("/v1/backends/vm/drain");
        await sentinel.UntilAsync("vm", "drained", "draining");
        Assert.Equal("503", (await CurlAsync(root, 9443, "-o", "/dev/null", "-w", "%{http_code}")).Ok());
        Assert.Equal(before, await SerialAsync(9443));

        await sentinel.KillAsync();
        Sandbox.KillWith(caddyfile);
        await _sandbox.StartAsync(Configured(isDown: true));
        Assert.Equal("503", (await CurlAsync(root, 9443, "-o", "/dev/null", "-w", "%{http_code}")).Ok());
        Assert.Equal(before, await SerialAsync(9443));
    }

    private async Task BeginAsync(int httpPort, int tlsPort) =>
        _pebble = await Pebble.StartAsync(_sandbox.PathOf("pebble"), new() { Target = _sandbox.Front, HttpPort = httpPort, TlsPort = tlsPort });

    private object Configuration(string challenge, bool isDown = false) => new
    {
        backends = TlsScene.Backends(_sandbox, isDown ? ["/bin/sleep", "1000"] : _sandbox.WebVm("one", _sandbox.Address(10))),
        pools = TlsScene.Pools,
        listeners = TlsScene.Listeners(_sandbox),
        certificates = new { acme = new { directory = _pebble.Directory, caFile = _pebble.CaFile, email = "ops@example.test", challenge, names = (string[][])[[Name, "www.example.test"]] } },
    };

    private static Task UntilHeldAsync(SentinelProcess sentinel) => Eventually.TrueAsync(
        async () => (await sentinel.StatusAsync())["certificates"]!.AsArray().Any(certificate => (string?)certificate!["notAfter"] is not null),
        TimeSpan.FromSeconds(60),
        "a certificate is held");

    private async Task<string> RootAsync() => _sandbox.Write("root.pem", await _pebble.RootAsync());

    private Task<Shell.Result> CurlAsync(string root, int port, params string[] more) =>
        Shell.RunAsync("curl", ["-sS", "--max-time", "30", "--cacert", root, "--resolve", $"{Name}:{port}:{_sandbox.Front}", .. more, $"https://{Name}:{port}/"]);

    private async Task<string> SerialAsync(int port) => (await ShownAsync(port, "-serial")).Split('=')[1].Trim();

    private Task<string> SubjectAsync(int port) => ShownAsync(port, "-subject");

    private async Task<string> ShownAsync(int port, string what, string name = Name)
    {
        var shown = (await Shell.RunAsync("openssl", "s_client", "-connect", $"{_sandbox.Front}:{port}", "-servername", name)).Ok();
        using var pem = new MemoryStream(System.Text.Encoding.ASCII.GetBytes(shown));
        return (await Shell.RunAsync("openssl", pem, ["x509", "-noout", what])).Ok();
    }
}
