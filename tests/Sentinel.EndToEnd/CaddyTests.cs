using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.EndToEnd;

/// <summary>A VM whose own Caddy gets its certificates from an authority, through the sentinel that stands before it.</summary>
public sealed class CaddyTests : IAsyncLifetime
{
    private const string ByHttp = "by-http.example.test";
    private const string ByTls = "by-tls.example.test";
    private const string Ours = "ours.example.test";

    private readonly Sandbox _sandbox = new();
    private System.Diagnostics.Process? _caddy;
    private Pebble? _pebble;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        _caddy?.Kill();
        _caddy?.Dispose();
        await _sandbox.DisposeAsync();
        if (_pebble is not null)
        {
            await _pebble.DisposeAsync();
        }
    }

    [NeedsFact("pebble", "pebble-challtestsrv", "caddy", "curl")]
    public async Task Challenges_of_a_VMs_own_client_reach_it_by_http_and_by_tls_beside_ours_and_beside_a_redirect()
    {
        _pebble = await Pebble.StartAsync(_sandbox.PathOf("pebble"), new() { Target = _sandbox.Front, HttpPort = 8080, TlsPort = 9443, RefusedNonces = 0 });
        var sentinel = await _sandbox.StartAsync(Configuration());
        var caddyfile = _sandbox.Write("Caddyfile", $$"""
            {
                admin off
                http_port 8080
                https_port 8443
                skip_install_trust
            }
            {{Site(ByHttp, "disable_tlsalpn_challenge")}}
            {{Site(ByTls, "disable_http_challenge")}}
            """);
        var data = Directory.CreateDirectory(_sandbox.PathOf("data")).FullName;
        _caddy = Shell.Start("env", $"XDG_DATA_HOME={data}", $"XDG_CONFIG_HOME={data}", $"HOME={data}", Needs.Find("caddy")!, "run", "--config", caddyfile, "--adapter", "caddyfile");
        var errors = _caddy.StandardError.ReadToEndAsync();

        var root = _sandbox.Write("root.pem", await _pebble.RootAsync());
        foreach (var name in new[] { ByHttp, ByTls })
        {
            await Eventually.TrueAsync(
                async () => _caddy.HasExited ? throw new InvalidOperationException(await errors) : (await CurlAsync(root, name)).Output == name, TimeSpan.FromSeconds(60), $"Caddy shows a certificate for {name}: {_pebble.Log}");
        }

        // Both came through the sentinel, which redirects everything else, and has had one of its own meanwhile.
        Assert.Equal("308", (await Shell.RunAsync("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", $"Host: {ByHttp}", $"http://{_sandbox.Front}:8080/")).Ok());
        await Eventually.TrueAsync(async () => (string?)(await sentinel.StatusAsync())["certificates"]![0]!["notAfter"] is not null);
        Assert.Equal(3, _pebble.Orders);
    }

    /// <summary>A site that can be proved in one way alone.</summary>
    private string Site(string name, string without) => $$"""
        https://{{name}} {
            bind {{_sandbox.Address(12)}}
            tls {
                issuer acme {
                    dir {{_pebble!.Directory}}
                    trusted_roots {{_pebble.CaFile}}
                    {{without}}
                }
            }
            respond {{name}}
        }
        """;

    private Task<Shell.Result> CurlAsync(string root, string name) =>
        Shell.RunAsync("curl", "-sS", "--max-time", "10", "--cacert", root, "--resolve", $"{name}:9443:{_sandbox.Front}", $"https://{name}:9443/");

    private object Configuration() => new
    {
        backends = new { vm = new { address = _sandbox.Address(12), health = new { kind = "tcp", port = 8443, interval = "250ms", healthyAfter = 1 } } },
        pools = new { web = new { backends = new[] { "vm" } } },
        listeners = new
        {
            // Caddy asks as soon as it runs, and that may be before the next check has seen it.
            http = new { bind = new[] { $"{_sandbox.Front}:8080" }, protocol = "http", pool = "web", port = 8080, redirectToHttps = true, hold = "30s" },
            tls = new { bind = new[] { $"{_sandbox.Front}:9443" }, protocol = "tls", pool = "web", port = 8443, hold = "30s" },
        },
        certificates = new { acme = new { directory = _pebble!.Directory, caFile = _pebble.CaFile, names = (string[][])[[Ours]] } },
    };
}
