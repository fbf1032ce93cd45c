using System.Text.Json.Nodes;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;
using Xunit.Abstractions;

namespace Sentinel.EndToEnd.Systemd;

/// <summary>One version hands over to another, with all that may be open at that moment.</summary>
[Collection("systemd")]
public sealed class UpgradeTests(ITestOutputHelper output) : IAsyncLifetime
{
    private readonly Sandbox _sandbox = new();
    private InstalledSentinel _sentinel = null!;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_sentinel is not null)
        {
            await _sentinel.DisposeAsync();
        }

        await _sandbox.DisposeAsync();
    }

    [NeedsFact("root", "systemd-nspawn", "debootstrap", "sshd", "ssh")]
    public async Task A_thousand_SSH_and_bulk_flows_live_through_an_upgrade_and_nobody_is_refused()
    {
        const string Before = "0.0.9";
        _sentinel = await InstalledSentinel.ServingAsync(
            new
            {
                backends = new
                {
                    one = new { address = "127.0.0.1", health = new { kind = "tcp", port = 7, interval = "1s" } },
                    shell = new { address = "127.0.0.1", health = new { kind = "ssh", port = 2222, interval = "1s" } },
                },
                pools = new { echo = new { backends = new[] { "one" } }, jump = new { backends = new[] { "shell" } } },
                listeners = new
                {
                    echo = new { bind = new[] { "127.0.0.1:77" }, protocol = "tcp", pool = "echo", port = 7, hold = "60s" },
                    ssh = new { bind = new[] { "127.0.0.1:22" }, protocol = "tcp", pool = "jump", port = 2222, hold = "60s" },
                },
            },
            await InstalledSentinel.PublishAsync(Before));
        var ssh = await SshServer.CreateAsync(_sandbox, "127.0.0.1", 22);
        _sentinel.Start(ssh.Vm("127.0.0.1"));
        await _sentinel.StartAsync("echo", "127.0.0.1:7");
        await _sentinel.UntilAsync("one", "serving");
        await _sentinel.UntilAsync("shell", "serving");
        Traffic[] traffic =
        [
            await _sentinel.StartAsync(["sessions", "15", "ssh", .. ssh.Client("vm", "cat")]),
            await _sentinel.StartAsync(["sessions", "15", "ssh", .. ssh.Client("vm", "while read -r line; do echo \"$line\"; done")]),
            await _sentinel.StartAsync("flows", "127.0.0.1:77", "960", "500"),
            await _sentinel.StartAsync("flows", "127.0.0.1:77", "10", "0"),
            await _sentinel.StartAsync("knock", "127.0.0.1:77"),
        ];

        await _sentinel.InstallAsync(Container.Programs);
        await _sentinel.SystemctlAsync("restart");
        await _sentinel.UntilAsync("one", "serving");

        var listeners = (await _sentinel.StatusAsync())!["listeners"]!;
        foreach (var some in traffic)
        {
            var result = await some.FinishAsync();
            output.WriteLine(result.ToJsonString());
            Assert.True((string?)result["faults"] == "", $"{result} {await _sentinel.Container.TextAsync()}");
        }

        var log = (await _sentinel.LogAsync()).Select(line => line.Line).ToArray();
        output.WriteLine($"The connections stood still for {(At(log, "handover.received") - At(log, "handover.left")).TotalSeconds:0.000} s.");
        Assert.InRange((int)listeners[0]!["connections"]!, 970, 971); // and who knocks
        Assert.Equal(30, (int)listeners[1]!["connections"]!);
        var versions = log.Where(line => (string?)line["event"] == "daemon.started").Select(line => (string?)line["version"]).ToArray();
        Assert.Equal(2, versions.Distinct().Count());
        Assert.Equal(Before, versions[0]);
        Assert.All(log.Where(line => (string?)line["event"] == "listener.connection.ended"), (JsonNode end) => Assert.Equal("completed", (string?)end["end"]));
    }

    [NeedsFact("root", "systemd-nspawn", "debootstrap", "curl")]
    public async Task What_cannot_be_kept_finishes_and_who_comes_meanwhile_waits()
    {
        const int Bytes = 60_000_000;
        _sentinel = await InstalledSentinel.ServingAsync(new
        {
            backends = new { one = new { address = "127.0.0.1", health = new { kind = "tcp", port = 8080, interval = "1s" } } },
            pools = new { web = new { backends = new[] { "one" } } },
            listeners = new { web = new { bind = new[] { "127.0.0.1:80" }, protocol = "http", pool = "web", port = 8080, hold = "60s" } },
        });
        _sentinel.Start("dotnet", Sandbox.VmProgram, "vm", "--address", "127.0.0.1", "--name", "one");
        await _sentinel.UntilAsync("one", "serving");
        var before = await _sentinel.Container.MainProcessAsync();

        var download = CurlAsync("--limit-rate", "10M", "--output", "/dev/null", "--write-out", "%{http_code} %{size_download}", $"http://127.0.0.1/download/{Bytes}");
        await Eventually.TrueAsync(async () => (int?)(await _sentinel.StatusAsync())?["listeners"]?[0]?["connections"] == 1);
        var restart = _sentinel.SystemctlAsync("restart");
        await Eventually.TrueAsync(async () => (await CurlAsync("http://127.0.0.1:8888/readyz")).Output.Contains("web", StringComparison.Ordinal));
        Assert.False(download.IsCompleted);
        var newcomer = CurlAsync("http://127.0.0.1/");

        Assert.Equal($"200 {Bytes}", (await download).Ok());
        Assert.Equal("one", (await newcomer).Ok());
        await restart;
        Assert.NotEqual(before, await _sentinel.Container.MainProcessAsync());
    }

    private Task<Shell.Result> CurlAsync(params string[] more) =>
        _sentinel.Container.RunInNetworkAsync(["curl", "-sS", "--noproxy", "*", "--max-time", "60", .. more]);

    private static DateTimeOffset At(JsonNode[] log, string name) =>
        DateTimeOffset.Parse((string)log.Last(line => (string?)line["event"] == name)["ts"]!, System.Globalization.CultureInfo.InvariantCulture);
}
