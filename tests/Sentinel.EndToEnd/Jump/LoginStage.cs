using System.Diagnostics;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd.Jump;

/// <summary>
/// Users who exist nowhere but at their VM log in at the sentinel and are sent on. One machine, with accounts, groups and name
/// services of its own: the real daemon, its private sshd, an agent behind systemd's proxy, and the VM's sshd.
/// </summary>
public sealed class LoginStage : IAsyncLifetime
{
    private const int RoutedGroup = 70_000;

    private readonly List<Process> _running = [];
    private Process _vm = null!;
    private NetworkNamespace _network = null!;
    private Process _machine = null!;

    internal Sandbox Sandbox { get; private set; } = null!;

    internal SentinelProcess Sentinel { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        if (Needs.Find("sshd") is null || !Environment.IsPrivilegedProcess)
        {
            return; // every test here says so and is skipped
        }

        (Sandbox, _network) = (new(), new("log"));
        foreach (var (folder, mode) in new[] { ("", 0b111_001_001), ("accounts", 0b111_101_101), ("agent", 0b111_101_101), ("vm-keys", 0b111_101_101), ("home", 0b111_111_111) })
        {
            Directory.CreateDirectory(Sandbox.PathOf(folder));
            SetMode(Sandbox.PathOf(folder), mode);
        }

        foreach (var key in new[] { "host", "new-host", "alice", "other", "authority", "certified" })
        {
            (await Shell.RunAsync("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key, "-f", Sandbox.PathOf(key))).Ok();
        }

        (await Shell.RunAsync("ssh-keygen", "-q", "-s", Sandbox.PathOf("authority"), "-I", "alice", "-n", "alice", "-V", "+1h", Sandbox.PathOf("certified.pub"))).Ok();
        await BootAsync();
        Sentinel = await Sandbox.StartAsync(Configuration(), new() { Network = _network });
        await Eventually.TrueAsync(() => File.Exists(Upstream) && File.Exists(Path.Combine(Sandbox.PathOf("accounts"), "passwd")));
        await WelcomeAsync();
        StartVm("host");
        var rendered = await SentinelAsync("sshd-config");
        Run("/usr/sbin/sshd", "-D", "-E", Sandbox.PathOf("sshd.log"), "-f", Sandbox.Write("sshd_config", rendered));
        Run("ssh-agent", "-D", "-a", Path.Combine(Agent, "own"));
        await Eventually.TrueAsync(() => File.Exists(Path.Combine(Agent, "own")));
        (await Shell.RunAsync("env", $"SSH_AUTH_SOCK={Agent}/own", "ssh-add", "-q", Upstream)).Ok();
        Run("systemd-socket-activate", "-l", $"{Agent}/users", "/lib/systemd/systemd-socket-proxyd", $"{Agent}/own");
        await Eventually.TrueAsync(() => File.Exists(Path.Combine(Agent, "users")));
        (await Shell.RunAsync("chgrp", $"{RoutedGroup}", $"{Agent}/users")).Ok();
        SetMode($"{Agent}/users", 0b110_110_000);
        await Eventually.TrueAsync(() => File.Exists(Path.Combine(Sandbox.State, "ssh", "known_hosts")), TimeSpan.FromSeconds(60));
        await Eventually.TrueAsync(() => _network.Do("ss", "-Hltn", "sport = :2222").Length > 0);
        await WriteClientAsync("login", "alice", "--login");
        await WriteClientAsync("jump", "alice");
    }

    public async Task DisposeAsync()
    {
        if (Sandbox is null)
        {
            return;
        }

        foreach (var process in _running.Append(_machine))
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
            process.Dispose();
        }

        await Sandbox.DisposeAsync();
        _network.Dispose();
    }

    internal string Agent => Sandbox.PathOf("agent");

    internal string Upstream => Path.Combine(Sandbox.State, "ssh", "upstream", "id_ed25519");

    /// <summary>A client with what <c>sentinel ssh-config</c> printed.</summary>
    internal Task<Shell.Result> SshAsync(string method, params string[] arguments) => DoAsync(["ssh", "-F", Sandbox.PathOf(method), .. arguments]);

    internal Task<Shell.Result> DoAsync(params string[] command) => DoAsync(null, command);

    /// <summary>Starts a program of the machine.</summary>
    internal Process Start(params string[] command) => Shell.Start("nsenter", ["-t", $"{_machine.Id}", "-m", "-n", "--", .. command]);

    internal Task<Shell.Result> DoAsync(Stream? input, params string[] command) => Shell.RunAsync("nsenter", input, ["-t", $"{_machine.Id}", "-m", "-n", "--", .. command]);

    /// <summary>Runs a program as somebody of the machine.</summary>
    internal Task<Shell.Result> AsAsync(int user, int group, string line) =>
        DoAsync("setpriv", $"--reuid={user}", $"--regid={group}", "--clear-groups", "sh", "-c", line);

    internal async Task<string> SentinelAsync(params string[] command) => (await AskAsync(command)).Ok();

    internal Task<Shell.Result> AskAsync(params string[] command) =>
        DoAsync(["env", $"SENTINEL_ADMIN=http://{Sandbox.Front}:8888", "dotnet", SentinelProcess.Program, .. command, "--config", Sentinel.Configuration]);

    /// <summary>The VM takes the sentinel's keys, as key sync or whoever made it gives them.</summary>
    internal async Task WelcomeAsync()
    {
        var keys = Directory.GetFiles(Path.GetDirectoryName(Upstream)!, "*.pub").Append(Sandbox.PathOf("alice.pub"));
        await File.WriteAllLinesAsync(Path.Combine(Sandbox.PathOf("vm-keys"), "alice"), await Task.WhenAll(keys.Select(async key => (await File.ReadAllTextAsync(key)).Trim())));
    }

    /// <summary>The VM's sshd.</summary>
    /// <param name="hostKey">The key that it shows.</param>
    internal void StartVm(string hostKey) => _vm = Run("/usr/sbin/sshd", "-D", "-e", "-f", Sandbox.Write("vm_config", $"""
        ListenAddress 127.0.0.9:22
        HostKey {Sandbox.PathOf(hostKey)}
        AuthorizedKeysFile {Sandbox.PathOf("vm-keys")}/%u
        PidFile none
        UsePAM no
        StrictModes no
        PrintMotd no
        PrintLastLog no
        SetEnv MACHINE=spot-1
        Subsystem sftp internal-sftp

        """));

    /// <summary>The VM goes, and comes back with another host key once it is seen to be away.</summary>
    internal async Task RemakeVmAsync(string hostKey)
    {
        _vm.Kill(entireProcessTree: true);
        await Eventually.TrueAsync(async () => !(bool)(await Sentinel.BackendAsync("spot-1"))["healthy"]!);
        StartVm(hostKey);
        await Eventually.TrueAsync(async () => (bool)(await Sentinel.BackendAsync("spot-1"))["healthy"]!);
    }

    internal async Task WriteClientAsync(string file, string user, params string[] more) =>
        Sandbox.Write(file, await SentinelAsync(["ssh-config", user, .. more]) + $"""

            Host *
                IdentityFile {Sandbox.PathOf("alice")}
                IdentitiesOnly yes
                BatchMode yes
                UserKnownHostsFile none
                LogLevel ERROR

            """);

    private object Configuration() => new
    {
        name = "front",
        backends = new Dictionary<string, object> { ["spot-1"] = new { address = "127.0.0.9", health = new { kind = "ssh", port = 22, interval = "250ms", healthyAfter = 1 } } },
        pools = new { },
        listeners = new { },
        ssh = new
        {
            host = "127.0.0.1",
            log = Sandbox.PathOf("sshd.log"),
            routes = false,
            trustedUserCaFile = Sandbox.PathOf("authority.pub"),
            login = new { accounts = Sandbox.PathOf("accounts"), agent = Agent, program = Path.Combine(AppContext.BaseDirectory, "sentinel-route") },
            users = new { alice = new { keysFile = Sandbox.PathOf("alice.pub"), backend = "spot-1" } },
        },
    };

    /// <summary>A machine in which alone these accounts are to be found, for as long as its process goes on.</summary>
    private async Task BootAsync()
    {
        Sandbox.Write("passwd", File.ReadAllText("/etc/passwd") + "jump:*:20001:65534::/:/usr/sbin/nologin\ntunnel:*:20002:65534::/:/usr/sbin/nologin\n");
        Sandbox.Write("group", File.ReadAllText("/etc/group") + $"sentinel-users:x:{RoutedGroup}:\n");
        Sandbox.Write("nsswitch.conf", "passwd: files extrausers\ngroup: files\nshadow: files\nhosts: files\n");
        foreach (var file in new[] { "passwd", "group", "nsswitch.conf", "alice.pub", "authority.pub" })
        {
            SetMode(Sandbox.PathOf(file), 0b110_100_100);
        }

        Directory.CreateDirectory("/var/lib/extrausers");
        File.Create(Sandbox.PathOf("sshd.log")).Dispose();
        _machine = Shell.Start("ip", "netns", "exec", _network.Name, "unshare", "--mount", "--propagation", "private", "sh", "-c", """
            for file in passwd group nsswitch.conf; do mount --bind "$0/$file" "/etc/$file" || exit 1; done
            mount --bind "$0/accounts" /var/lib/extrausers || exit 1
            echo up
            exec cat
            """, Sandbox.Folder);
        Assert.Equal("up", await _machine.StandardOutput.ReadLineAsync());
    }

    private static void SetMode(string path, int mode)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, (UnixFileMode)mode);
        }
    }

    private Process Run(params string[] command)
    {
        var process = Start(command);
        _ = process.StandardOutput.ReadToEndAsync();
        _ = process.StandardError.ReadToEndAsync();
        _running.Add(process);
        return process;
    }
}
