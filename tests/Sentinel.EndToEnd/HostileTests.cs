using System.Text.Json.Nodes;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.EndToEnd;

/// <summary>The tools that people point at a front end to find its weak spots: testssl.sh, with nginx beside it, and slowhttptest.</summary>
public sealed class HostileTests : IAsyncLifetime
{
    private const string Name = "app.example.test";
    private const int Attackers = 500;
    private const int MostOfAClient = 300;

    // testssl.sh's, the gravest last; WARN is what it could not try.
    private static readonly string[] Severities = ["DEBUG", "INFO", "OK", "LOW", "WARN", "MEDIUM", "HIGH", "CRITICAL", "FATAL"];

    private readonly Sandbox _sandbox = new();
    private SentinelProcess _sentinel = null!;

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(_sandbox.PathOf("held"));
        TestAuthority.Write(_sandbox.Folder, "root.pem", "held/certificate.crt", "held/certificate.key", Name);
        _sentinel = await _sandbox.StartAsync(new
        {
            backends = new Dictionary<string, object>
            {
                ["one"] = new
                {
                    instance = "process/one",
                    address = _sandbox.Address(10),
                    command = _sandbox.WebVm("one", _sandbox.Address(10)),
                    health = new { kind = "http", port = 8080, interval = "1s", timeout = "5s" },
                },
                ["gone"] = new { address = _sandbox.Address(11), health = new { kind = "tcp", port = 8443 } },
            },
            pools = new { web = new { backends = new[] { "one" } }, secure = new { backends = new[] { "gone" } } },
            listeners = new
            {
                http = new
                {
                    bind = new[] { $"{_sandbox.Front}:8080" },
                    protocol = "http",
                    pool = "web",
                    port = 8080,
                    headerTimeout = "2s",
                    idleTimeout = "8s",
                    maxConnectionsPerClient = MostOfAClient,
                },
                https = new { bind = new[] { $"{_sandbox.Front}:8443" }, protocol = "https", pool = "web", port = 8080 },
                tls = new { bind = new[] { $"{_sandbox.Address(4)}:8443" }, protocol = "tls", pool = "secure", port = 8443 },
            },
            certificates = new { sync = new[] { new { directory = _sandbox.PathOf("held") } } },
        });
        await _sentinel.UntilAsync("one", "serving");
    }

    public async Task DisposeAsync() => await _sandbox.DisposeAsync();

    [NeedsFact("testssl", "nginx")]
    public async Task Testssl_finds_nothing_above_low_that_it_does_not_find_in_nginx_with_the_same_certificate()
    {
        await Eventually.TrueAsync(async () => (await _sentinel.StatusAsync())["certificates"]!.AsArray().Count == 1);
        using var nginx = Nginx.Start(_sandbox, _sandbox.Address(2), "held/certificate.crt", "held/certificate.key");

        // what https always ends, and tls while nobody is there to pass it to; one after the other would take three times as long and, waiting
        // most of the time, no less of the machine
        var reports = await Task.WhenAll(
            FindingsAsync(_sandbox.Address(2), "testssl-nginx.json"),
            FindingsAsync(_sandbox.Front, "testssl-https.json"),
            FindingsAsync(_sandbox.Address(4), "testssl-tls.json"));
        nginx.Kill();

        foreach (var report in reports[1..])
        {
            Assert.Contains("TLS1_3", report.Keys);
            Assert.Contains("heartbleed", report.Keys);
            Assert.Equal("OK", report["cert_trust"]);
            Assert.DoesNotContain(report, finding => IsGrave(finding.Value) && !IsGrave(reports[0].GetValueOrDefault(finding.Key, "OK")));
        }
    }

    [NeedsTheory("slowhttptest", "curl")]
    [InlineData("idle", "-H", "-i", "1")]
    [InlineData("idle", "-B", "-i", "10", "-t", "POST", "-s", "100000", "-u", "/upload")]
    [InlineData("idle", "-X", "-w", "256", "-y", "512", "-n", "1", "-z", "512", "-u", "/download/2000000")]
    public async Task Slow_clients_are_ended_and_keep_no_other_client_waiting(string end, params string[] mode)
    {
        // Left alone it would go on for a minute.
        var path = mode[^2] == "-u" ? mode[^1] : "/";
        var slow = Shell.RunAsync(
            "slowhttptest",
            [.. mode.TakeWhile(option => option != "-u"), "-c", $"{Attackers}", "-r", $"{Attackers}", "-l", "60", "-p", "5", "-u", $"http://{_sandbox.Front}:8080{path}"]);
        var answers = new List<string>();
        var most = 0;
        do
        {
            var answer = await Shell.RunAsync(
                "curl", "-sS", "--noproxy", "*", "--max-time", "20", "--interface", _sandbox.Address(3), "-w", " %{http_code}", $"http://{_sandbox.Front}:8080/");
            Assert.True(answer.Status == 0, $"{answer} {string.Join('\n', _sentinel.Events("listener.connection.ended").Where(ended => !IsAttacker(ended)))}");
            answers.Add(answer.Output);
            most = Math.Max(most, await ConnectionsAsync());
        }
        while (!slow.IsCompleted);

        // It was not the tool that gave up, and nobody was let go before his time.
        Assert.Contains("No open connections left", (await slow).Output, StringComparison.Ordinal);
        await Eventually.TrueAsync(() => _sentinel.Events("listener.connection.ended").Count(line => IsAttacker(line) && (string?)line["end"] == end && (double)line["seconds"]! >= 2) >= MostOfAClient);
        Assert.InRange(most, 1, MostOfAClient + 10);

        // They were as many at a time as they may be; when, this test may not have seen.
        Assert.InRange(await _sentinel.MetricAsync("sentinel_connections_total{end=\"client_full\",listener=\"http\"}") ?? 0, 1, Attackers);
        Assert.All(answers, answer => Assert.Equal("one 200", answer));
        Assert.InRange(answers.Count, 3, int.MaxValue);
        await Eventually.TrueAsync(async () => (int)(await _sentinel.BackendAsync("one"))["connections"]! == 0 && await ConnectionsAsync() == 0, TimeSpan.FromSeconds(30));
    }

    /// <summary>Whether a connection is not from where the normal client comes.</summary>
    private static bool IsAttacker(JsonNode ended) => ((string)ended["client"]!).StartsWith("127.0.0.1:", StringComparison.Ordinal);

    private static bool IsGrave(string severity) => Array.IndexOf(Severities, severity) >= Array.IndexOf(Severities, "MEDIUM");

    private async Task<int> ConnectionsAsync() =>
        (int)(await _sentinel.StatusAsync())["listeners"]!.AsArray().Single(listener => (string?)listener!["name"] == "http")!["connections"]!;

    private async Task<Dictionary<string, string>> FindingsAsync(string address, string file)
    {
        var run = await Shell.RunAsync(
            "testssl", "-p", "-s", "-f", "-P", "-S", "-h", "-U", "--fast", "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none",
            "--openssl-timeout", "20", "--add-ca", _sandbox.PathOf("root.pem"), "--jsonfile", _sandbox.PathOf(file), "--ip", address, $"{Name}:8443");

        // Its status counts problems of its own; a run that broke off says Fatal and leaves half a document.
        Assert.DoesNotContain("Fatal", run.Output, StringComparison.Ordinal);
        return JsonNode.Parse(await File.ReadAllTextAsync(_sandbox.PathOf(file)))!.AsArray()
            .GroupBy(finding => (string)finding!["id"]!)
            .ToDictionary(findings => findings.Key, findings => findings.Select(finding => (string)finding!["severity"]!).MaxBy(severity => Array.IndexOf(Severities, severity))!);
    }
}
