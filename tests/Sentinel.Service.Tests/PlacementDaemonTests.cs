using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using Sentinel.Backends.Files;
using Sentinel.Testing;
using Sentinel.Testing.Vm;

namespace Sentinel.Service.Tests;

/// <summary>Users, placement and routes by the real daemon, asked by the real command.</summary>
public sealed class PlacementDaemonTests : IDisposable
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "sentinel.dll");

    private readonly string _folder = Directory.CreateTempSubdirectory("sentinel-placement-").FullName;
    private readonly StringBuilder _log = new();
    private Process? _daemon;

    private string Configuration => Path.Combine(_folder, "sentinel.json");

    public void Dispose()
    {
        if (_daemon is { HasExited: false })
        {
            _daemon.Kill(entireProcessTree: true);
            _daemon.WaitForExit();
        }

        _daemon?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [NeedsFact("linux")]
    public async Task Users_are_fetched_placed_made_moved_and_removed_by_the_command()
    {
        const string Key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGDSHY8Yy2VFZ6mTMrnRSCNqLXVgH4pMCLYqzQDWG8Rt";
        using var vm = new KeyDaemon("127.24.6.11", 8080, TimeProvider.System) { Answer = () => (200, KeyDaemon.Users(("alice", Key))) };
        DurableFile.Write(Path.Combine(_folder, "secret"), Encoding.ASCII.GetBytes(KeyDaemon.Secret));
        await ConfigureAsync("127.24.6.1", """
            "spot-1": { "address": "127.24.6.11", "networks": ["10.0.3.0/24"] }, "spot-2": { "address": "127.24.6.12", "networks": ["10.0.3.0/24"] }
            """, """
            "keySync": { "url": "http://{address}:8080/authorized-keys", "hmacSecretFile": "FOLDER/secret" },
            "provision": ["/bin/sh", "-c", "echo making {user} on {backend} at {address}; test {user} != mallory"], "routes": false
            """);
        Start("dotnet", Program, "run", "--config", Configuration);
        await Eventually.TrueAsync(() => Said("daemon.started"));
        await Eventually.TrueAsync(async () => (await AskAsync("users")).Output.Contains("alice  spot-1   backend     1", StringComparison.Ordinal));

        // The least loaded: alice is on spot-1.
        Assert.Equal("making bob on spot-2 at 127.24.6.12\nbob is placed on spot-2.\n", (await AskAsync("place", "bob", "--auto")).Output);
        Assert.Equal("bob is on spot-2 already.\n", (await AskAsync("place", "bob", "--auto")).Output);
        var failed = await AskAsync("place", "mallory", "--backend", "spot-1");
        Assert.Equal((1, ""), (failed.Status, failed.Output));
        Assert.Equal("sentinel: mallory is recorded on spot-1, but sh ended with status 1; the same command again completes it. It wrote: making mallory on spot-1 at 127.24.6.11\n", failed.Errors);
        Assert.Equal("making bob on spot-1 at 127.24.6.11\nbob is placed on spot-1.\n", (await AskAsync("place", "bob", "--backend", "spot-1")).Output);
        Assert.Equal("The placement of bob is removed.\n", (await AskAsync("place", "bob", "--remove")).Output);
        Assert.Equal((2, "sentinel: one of --auto, --backend and --remove; see 'sentinel place --help'\n"), await StatusAndErrorsAsync("place", "bob", "--auto", "--remove"));

        using var users = JsonDocument.Parse((await AskAsync("users", "--json")).Output);
        Assert.Equal(["alice", "mallory"], users.RootElement.GetProperty("placements").EnumerateArray().Select(user => user.GetProperty("user").GetString()));
        Assert.StartsWith("#!/bin/sh\n", (await AskAsync("routes")).Output, StringComparison.Ordinal);

        // At the VM's own word, and the VM that does not answer is named at its first failure.
        vm.Answer = () => (200, KeyDaemon.Users(("alice", Key), ("dora", Key)));
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new("http://127.24.6.1:8888") };
        http.DefaultRequestHeaders.Authorization = new("Bearer", (await File.ReadAllTextAsync(Path.Combine(_folder, "state", "admin.token"))).Trim());
        Assert.Equal(HttpStatusCode.Accepted, (await http.PostAsync(new Uri("/v1/keys/resync", UriKind.Relative), new StringContent("""{"backend":"spot-1"}"""))).StatusCode);
        await Eventually.TrueAsync(async () => (await http.GetStringAsync("/v1/placements")).Contains("dora", StringComparison.Ordinal));
        using var status = JsonDocument.Parse(await http.GetStringAsync("/status"));
        Assert.Equal([3, 0], status.RootElement.GetProperty("backends").EnumerateArray().Select(backend => backend.GetProperty("users").GetInt32()));
        Assert.Contains("127.24.6.12", status.RootElement.GetProperty("keySync")[1].GetProperty("lastError").GetString(), StringComparison.Ordinal);
        Assert.Matches("sentinel_sync_failures_total\\{backend=\"spot-2\",kind=\"keys\"\\} [1-9]|sentinel_sync_failures_total\\{kind=\"keys\",backend=\"spot-2\"\\} [1-9]", await http.GetStringAsync("/metrics"));
        Assert.True(Said("users.sync.failed"));
    }

    [NeedsFact("linux", "root", "ip", "nft")]
    public async Task Nothing_of_ours_is_left_in_the_kernel_after_a_stop_nor_what_a_crash_left()
    {
        using var sentinel = new NetworkNamespace("placement");
        using var vms = new NetworkNamespace("placement");
        sentinel.Connect(vms, ["10.88.0.1/24"], ["10.88.0.14/24"]);
        sentinel.Do("nft", "add table inet others");
        var log = Path.Combine(_folder, "sshd.log");
        await File.WriteAllTextAsync(log, "Server listening on 0.0.0.0 port 2222.\n");
        await ConfigureAsync("127.0.0.1", "\"spot-1\": { \"address\": \"10.88.0.14\", \"networks\": [\"10.0.3.0/24\"] }", "\"log\": \"FOLDER/sshd.log\"");
        string[] command = ["ip", "netns", "exec", sentinel.Name, "dotnet", Program, "run", "--config", Configuration];
        Start(command);
        await Eventually.TrueAsync(() => Ours(sentinel) == "10.0.3.0/24 via 10.88.0.14");
        await Eventually.TrueAsync(() =>
        {
            // An attacker, as sshd's log has one: the daemon may not have come to its end yet.
            File.AppendAllText(log, "Connection closed by invalid user admin 203.0.113.9 port 58426 [preauth]\n");
            return Said("ssh.source_refused");
        });
        Assert.Contains("203.0.113.9", sentinel.Do("nft", "list set inet sentinel_ssh four"), StringComparison.Ordinal);

        _daemon!.Kill();
        await _daemon.WaitForExitAsync();
        Assert.Equal("10.0.3.0/24 via 10.88.0.14", Ours(sentinel));
        lock (_log)
        {
            _log.Clear();
        }

        Start(command);
        await Eventually.TrueAsync(() => Said("daemon.started"));
        await Eventually.TrueAsync(() => sentinel.Do("nft", "list set inet sentinel_ssh four").Contains("203.0.113.9", StringComparison.Ordinal));
        Signal("TERM");
        await _daemon!.WaitForExitAsync();
        Assert.Equal("", Ours(sentinel));
        Assert.Equal("table inet others\n", sentinel.Do("nft", "list tables"));
    }

    [NeedsFact("linux", "root", "ip")]
    public async Task Routes_follow_the_VM_and_go_with_the_daemon_and_those_of_others_stay()
    {
        using var sentinel = new NetworkNamespace("placement");
        using var vms = new NetworkNamespace("placement");
        sentinel.Connect(vms, ["10.88.0.1/24"], ["10.88.0.14/24", "10.88.0.15/24"]);
        sentinel.Do("ip", "route", "add", "10.0.7.0/24", "via", "10.88.0.99", "proto", "static");
        sentinel.Do("ip", "route", "add", "10.0.8.0/24", "via", "10.88.0.14", "metric", "8383", "proto", "83"); // left by a daemon that crashed
        const string Two = "\"spot-2\": { \"address\": \"10.88.0.15\", \"networks\": [\"10.0.7.0/24\"] }";
        await ConfigureAsync("127.0.0.1", "\"spot-1\": { \"address\": \"10.88.0.14\", \"networks\": [\"10.0.3.0/24\"] }, " + Two, "\"routes\": true");

        Start("ip", "netns", "exec", sentinel.Name, "dotnet", Program, "run", "--config", Configuration);
        await Eventually.TrueAsync(() => Ours(sentinel) == "10.0.3.0/24 via 10.88.0.14, 10.0.7.0/24 via 10.88.0.15");

        // Somebody else's is the one that is used.
        Assert.Contains("via 10.88.0.99", sentinel.Do("ip", "route", "get", "10.0.7.1"), StringComparison.Ordinal);
        Assert.Contains("via 10.88.0.14", sentinel.Do("ip", "route", "get", "10.0.3.100"), StringComparison.Ordinal);

        await ConfigureAsync("127.0.0.1", "\"spot-1\": { \"address\": \"10.88.0.15\", \"networks\": [\"10.0.3.0/24\"] }", "\"routes\": true");
        Signal("HUP");
        await Eventually.TrueAsync(() => Ours(sentinel) == "10.0.3.0/24 via 10.88.0.15");
        Signal("TERM");
        await _daemon!.WaitForExitAsync();
        Assert.Equal("", Ours(sentinel));
        Assert.Contains("10.0.7.0/24 via 10.88.0.99 dev", sentinel.Do("ip", "route", "show"), StringComparison.Ordinal);
    }

    private static string Ours(NetworkNamespace network) =>
        string.Join(", ", network.Do("ip", "route", "show", "proto", "83").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line[..line.IndexOf(" dev", StringComparison.Ordinal)]));

    private async Task<(int Status, string Errors)> StatusAndErrorsAsync(params string[] words)
    {
        var outcome = await AskAsync(words);
        return (outcome.Status, outcome.Errors);
    }

    private Task<RunningProgram.Outcome> AskAsync(params string[] words) => RunningProgram.RunAsync("dotnet", [Program, .. words, "--config", Configuration]);

    private async Task ConfigureAsync(string admin, string backends, string ssh)
    {
        await File.WriteAllTextAsync(Configuration + ".new", $$"""
            {
              "name": "test", "stateDirectory": "{{_folder}}/state", "admin": { "bind": "{{admin}}:8888" },
              "backends": { {{backends}} },
              "pools": { "jump": { "backends": ["spot-1"{{(backends.Contains("spot-2", StringComparison.Ordinal) ? ", \"spot-2\"" : "")}}], "policy": "clientAffinity" } },
              "listeners": { "tcp": { "bind": ["{{admin}}:7000"], "protocol": "tcp", "pool": "jump", "port": 7000 } },
              "ssh": { "bind": ["{{admin}}:2222"], "jump": { "addresses": "127.78.0.0/16", "port": 24622 }, "pool": "jump", {{ssh.Replace("FOLDER", _folder, StringComparison.Ordinal)}} }
            }
            """);
        File.Move(Configuration + ".new", Configuration, overwrite: true);
    }

    private void Start(params string[] command)
    {
        _daemon = Process.Start(new ProcessStartInfo(Needs.Find(command[0])!, command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        foreach (var stream in new[] { _daemon.StandardOutput, _daemon.StandardError })
        {
            _ = Task.Run(async () =>
            {
                while (await stream.ReadLineAsync() is { } line)
                {
                    lock (_log)
                    {
                        _log.Append(line).Append('\n');
                    }
                }
            });
        }
    }

    private bool Said(string name)
    {
        lock (_log)
        {
            return _log.ToString().Contains($"\"event\":\"{name}\"", StringComparison.Ordinal);
        }
    }

    private void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", $"{_daemon!.Id}"]);
        kill.WaitForExit();
    }
}
