using System.Text.Json.Nodes;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.EndToEnd;

/// <summary>Ten thousand certificates at once, and a disk that does not keep up.</summary>
public sealed class FirstSyncTests : IAsyncLifetime
{
    private const int Many = 10_000;

    private readonly Sandbox _sandbox = new();

    public Task InitializeAsync() => Task.CompletedTask;

    private string Manifest => Path.Combine(_sandbox.State, "certificates", "manifest.json");

    public async Task DisposeAsync()
    {
        await StuckDisk.ReleaseAsync(Manifest + ".tmp");
        await _sandbox.DisposeAsync();
    }

    [NeedsFact("strace", "root", "curl")]
    public async Task Nobody_who_reads_waits_while_ten_thousand_certificates_are_written()
    {
        var folder = Directory.CreateDirectory(_sandbox.PathOf("shared")).FullName;
        var now = TimeProvider.System.GetUtcNow();
        using var authority = TestAuthority.Root(now);
        var root = _sandbox.Write("root.pem", authority.ExportCertificatePem());
        Parallel.For(0, Many, i =>
        {
            var (chain, key) = TestAuthority.Issue(authority, [Name(i)], now.AddDays(-1), now.AddDays(20));
            File.WriteAllText(Path.Combine(folder, $"{i}.crt"), chain);
            File.WriteAllText(Path.Combine(folder, $"{i}.key"), key);
        });
        var sentinel = await _sandbox.StartAsync(Configuration(folder), new() { Stuck = Manifest + ".tmp" });

        // All are held and shown, told and counted, while the first two hundred are on their way to the disk.
        await Eventually.TrueAsync(async () => (await sentinel.StatusAsync())["certificates"]!.AsArray().Count == Many, TimeSpan.FromMinutes(2));
        await Eventually.TrueAsync(() => File.Exists(Manifest + ".tmp"));
        foreach (var i in new[] { 0, 5_000, Many - 1 })
        {
            var answer = await Shell.RunAsync(
                "curl", "-sS", "--max-time", "30", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", root, "--resolve", $"{Name(i)}:8443:{_sandbox.Front}", $"https://{Name(i)}:8443/");
            Assert.Equal("503", answer.Ok());
        }

        Assert.Equal(Many, (await sentinel.GetAsync("/metrics")).Split('\n').Count(line => line.StartsWith("sentinel_certificate_expiry_timestamp_seconds{", StringComparison.Ordinal)));
        Assert.Equal(Many, (await sentinel.StatusAsync())["certificates"]!.AsArray().Count);
        Assert.Contains("\"ok\"", await sentinel.GetAsync("/healthz"), StringComparison.Ordinal);
        Assert.True(File.Exists(Manifest + ".tmp"));
        Assert.False(File.Exists(Manifest));

        await StuckDisk.ReleaseAsync(Manifest + ".tmp");
        await Eventually.TrueAsync(() => File.Exists(Manifest) && JsonNode.Parse(File.ReadAllText(Manifest))!["certificates"]!.AsArray().Count >= 400);

        // It would write for a while yet.
        await sentinel.KillAsync();
    }

    private static string Name(int i) => $"n{i}.many.test";

    private object Configuration(string folder) => new
    {
        backends = new { one = new { address = _sandbox.Address(10), health = new { kind = "tcp", port = 8080, interval = "1s" } } },
        pools = new { web = new { backends = new[] { "one" } } },
        listeners = new { https = new { bind = new[] { $"{_sandbox.Front}:8443" }, protocol = "https", pool = "web", port = 8080 } },
        certificates = new { sync = new[] { new { directory = folder } } },
    };
}
