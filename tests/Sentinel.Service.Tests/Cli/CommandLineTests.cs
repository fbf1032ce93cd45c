using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Sentinel.Service.Telemetry;
using Sentinel.Testing;

namespace Sentinel.Service.Tests.Cli;

/// <summary>The built executable, as people and scripts call it.</summary>
public sealed class CommandLineTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sentinel-cli-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("version", 0)]
    [InlineData("schema", 0)]
    [InlineData("--help", 0)]
    [InlineData("status --help", 0)]
    [InlineData("", 2)]
    [InlineData("explode", 2)]
    [InlineData("status --jsn", 2)]
    [InlineData("recover", 2)]
    [InlineData("certificates revoke", 2)]
    [InlineData("certificates revoke a.test --reason because", 2)]
    [InlineData("status --admin nonsense", 2)]
    [InlineData("demo --for soon", 2)]
    [InlineData("check --config /nonexistent/sentinel.json", 2)]
    [InlineData("check --probe", 2)]
    [InlineData("run --config /nonexistent/sentinel.json", 2)]
    [InlineData("status --watch --json", 2)]
    [InlineData("status --admin http://127.0.0.1:1", 3)]
    [InlineData("outages --admin http://127.0.0.1:1", 3)]
    [InlineData("recover spot-1 --admin http://127.0.0.1:1", 3)]
    [InlineData("certificates roll-key --admin http://127.0.0.1:1", 3)]
    public async Task Ends_with_the_status_that_scripts_rely_on_and_complains_in_one_line(string arguments, int status)
    {
        var outcome = await SentinelAsync(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(status, outcome.Status);
        Assert.Equal(status == 0 ? 0 : 1, outcome.Errors.Count(c => c == '\n'));
        Assert.Equal(status == 0, outcome.Output.Length > 0);
    }

    [Theory]
    [InlineData("", "recover")]
    [InlineData("run", "sentinel run --config my.json")]
    [InlineData("demo", "--preempt-every 20s")]
    [InlineData("check", "systemctl reload sentinel")]
    [InlineData("check", "sentinel check --probe")]
    [InlineData("status", "sentinel status --watch")]
    [InlineData("outages", "20261122T101500Z-spot-1")]
    [InlineData("drain", "sudo sentinel drain spot-1")]
    [InlineData("certificates", "sudo sentinel certificates revoke www.example.com --reason keyCompromise")]
    public async Task Help_shows_what_one_would_type(string command, string example)
    {
        var outcome = await SentinelAsync([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);

        Assert.Contains("Examples:", outcome.Output, StringComparison.Ordinal);
        Assert.Contains(example, outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("demo-vm", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Version_tells_version_commit_and_runtime() =>
        Assert.Matches($@"^sentinel {BuildInfo.Version} \(commit \w+, \.NET 10\.[\d.]+, [\w-]+\)\n$", (await SentinelAsync("version")).Output);

    [Fact]
    public async Task Schema_is_one_document()
    {
        using var schema = JsonDocument.Parse((await SentinelAsync("schema")).Output);

        Assert.Equal("https://json-schema.org/draft/2020-12/schema", schema.RootElement.GetProperty("$schema").GetString());
    }

    [Fact]
    public async Task Check_tells_every_error_with_its_place_and_praises_a_good_file()
    {
        var file = Path.Combine(_folder, "sentinel.json");
        await File.WriteAllTextAsync(file, """
            { "backends": { "a": { "address": "127.0.0.1" } }, "pools": { "web": { "backends": ["b"], "policy": "best" } },
              "listeners": { "http": { "bind": ["127.0.0.1:80"], "protocol": "http", "pool": "web", "port": 80 } } }
            """);
        var bad = await SentinelAsync("check", "--config", file);
        Assert.Equal((2, ""), (bad.Status, bad.Output));
        Assert.Equal(2, bad.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.All(bad.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.StartsWith($"{file}:1:", line, StringComparison.Ordinal));

        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file)).Replace("[\"b\"], \"policy\": \"best\"", "[\"a\"]", StringComparison.Ordinal));
        var good = await SentinelAsync("check", "--config", file);
        Assert.Equal((0, $"{file} is good: 1 backend, 1 pool, 1 listener.\n", ""), (good.Status, good.Output, good.Errors));
    }

    [Fact]
    public async Task Check_probes_backends_and_fails_if_one_would_not_serve()
    {
        using var backend = new TcpListener(IPAddress.Loopback, 0);
        backend.Start();
        var greeting = Task.Run(async () =>
        {
            while (true)
            {
                using var client = await backend.AcceptTcpClientAsync();
                await client.GetStream().WriteAsync("220 mail.example.test\r\n"u8.ToArray());
            }
        });
        var file = Path.Combine(_folder, "sentinel.json");
        var text = $$"""
            { "backends": { "a": { "address": "127.0.0.1" }, "b": { "address": "127.24.1.9" } }, "admin": { "bind": "127.0.0.1:1" },
              "pools": { "one": { "backends": ["a"] }, "both": { "backends": ["a", "b"] } },
              "listeners": { "mail": { "bind": ["127.0.0.1:25"], "protocol": "tcp", "pool": "one", "port": {{((IPEndPoint)backend.LocalEndpoint).Port}} } } }
            """;
        await File.WriteAllTextAsync(file, text);
        var good = await SentinelAsync("check", "--probe", "--config", file);
        Assert.Equal(0, good.Status);
        Assert.EndsWith($"\ngood: mail to a at {backend.LocalEndpoint}: \"220 mail.example.test\".\n", good.Output, StringComparison.Ordinal);
        Assert.Equal("", good.Errors);

        await File.WriteAllTextAsync(file, text.Replace("\"pool\": \"one\"", "\"pool\": \"both\"", StringComparison.Ordinal));
        var wrong = await SentinelAsync("check", "--probe", "--config", file);
        Assert.Equal(1, wrong.Status);
        Assert.EndsWith("nobody listens there; start the service on the backend, or mend port.\n", wrong.Output, StringComparison.Ordinal);
        Assert.Equal("sentinel: 1 way of 2 to a backend would not work; mend what is said above and probe again\n", wrong.Errors);

        await File.WriteAllTextAsync(file, text.Replace("\"address\": \"127.0.0.1\"", "\"instance\": \"gce/us-central1-a/a\"", StringComparison.Ordinal)
            .Replace("\"admin\"", "\"clouds\": { \"gce\": { \"project\": \"my-project\" } }, \"admin\"", StringComparison.Ordinal));
        var untried = await SentinelAsync("check", "--probe", "--config", file);
        Assert.Equal(1, untried.Status);
        Assert.Contains("\nnot tried: mail to a at ?:", untried.Output, StringComparison.Ordinal);
        Assert.Equal("sentinel: 1 way of 1 to a backend could not be tried; start the daemon and probe again, or give the backend an address\n", untried.Errors);
        Assert.False(greeting.IsCompleted);
    }

    [Fact]
    public async Task Something_else_that_answers_is_no_daemon()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var answering = Task.Run(async () =>
        {
            using var client = await other.AcceptTcpClientAsync();
            await client.GetStream().ReadAtLeastAsync(new byte[4096], 1);
            await client.GetStream().WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"u8.ToArray());
        });

        var outcome = await SentinelAsync("status", "--admin", $"http://{other.LocalEndpoint}");

        await answering;
        Assert.Equal(3, outcome.Status);
        Assert.Contains("is no sentinel", outcome.Errors, StringComparison.Ordinal);
    }

    [NeedsFact("linux")]
    public async Task A_state_directory_that_cannot_be_made_is_named_and_nothing_is_started()
    {
        var file = Path.Combine(_folder, "sentinel.json");
        await File.WriteAllTextAsync(file, """
            { "stateDirectory": "/proc/sentinel", "backends": { "a": { "address": "127.0.0.1" } }, "pools": { "web": { "backends": ["a"] } },
              "listeners": { "tcp": { "bind": ["127.24.1.1:7000"], "protocol": "tcp", "pool": "web", "port": 80 } } }
            """);

        var outcome = await SentinelAsync("run", "--config", file);

        Assert.Equal(1, outcome.Status);
        Assert.Equal("", outcome.Output);
        Assert.StartsWith("sentinel: ", outcome.Errors, StringComparison.Ordinal);
        Assert.Contains("/proc/sentinel", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal(1, outcome.Errors.Count(c => c == '\n'));
    }

    private static Task<RunningProgram.Outcome> SentinelAsync(params string[] arguments) =>
        RunningProgram.RunAsync("dotnet", [Path.Combine(AppContext.BaseDirectory, "sentinel.dll"), .. arguments], environment: new Dictionary<string, string?> { ["SENTINEL_ADMIN"] = null });
}
