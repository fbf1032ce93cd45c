using System.Diagnostics;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd.Jump;

/// <summary>
/// Users who exist nowhere but at their VM log in at the sentinel and are sent on, each from home to a VM of their own across the
/// machines of a <see cref="Region"/>. The sentinel has accounts, groups and name services of its own, the real daemon, its
/// private sshd, and an agent behind systemd's proxy.
/// </summary>
public sealed class LoginStage : IAsyncLifetime
{
    private const int RoutedGroup = 70_000;

    private static readonly string[] People = ["alice", "bob", "carol"];

    private Process _machine = null!;

    internal Region Region { get; private set; } = null!;

    internal Sandbox Sandbox => Region.Sandbox;

    internal SentinelProcess Sentinel { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        if (Needs.Find("sshd") is null || !Environment.IsPrivilegedProcess)
        {
            return; // every test here says so and is skipped
        }

        Region = await Region.CreateAsync(new());
        foreach (var folder in new[] { "accounts", "agent" })
        {
            Directory.CreateDirectory(Sandbox.PathOf(folder));
            SetMode(Sandbox.PathOf(folder), 0b111_101_101);
        }

        foreach (var key in People.Concat(["new-host", "other", "authority", "certified"]))
        {
            (await Shell.RunAsync("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key, "-f", Sandbox.PathOf(key))).Ok();
        }

        (await Shell.RunAsync("ssh-keygen", "-q", "-s", Sandbox.PathOf("authority"), "-I", "alice", "-n", "alice", "-V", "+1h", Sandbox.PathOf("certified.pub"))).Ok();
        for (var i = 0; i < People.Length; i++)
        {
            Region.Vms[i].AddUsers(new() { [People[i]] = "" });
        }

        await BootAsync();
        await Region.BootAsync();
        Sentinel = await Sandbox.StartAsync(Configuration(), new() { Network = Region.Front.Network });
        await Eventually.TrueAsync(() => File.Exists(Upstream) && File.Exists(Path.Combine(Sandbox.PathOf("accounts"), "passwd")));
        await WelcomeAsync();
        var rendered = await SentinelAsync("sshd-config");
        Run("/usr/sbin/sshd", "-D", "-E", Sandbox.PathOf("sshd.log"), "-f", Sandbox.Write("sshd_config", rendered));
        Run("ssh-agent", "-D", "-a", Path.Combine(Agent, "own"));
        await Eventually.TrueAsync(() => File.Exists(Path.Combine(Agent, "own")));
        (await Shell.RunAsync("env", $"SSH_AUTH_SOCK={Agent}/own", "ssh-add", "-q", Upstream)).Ok();
        Run("systemd-socket-activate", "-l", $"{Agent}/users", "/lib/systemd/systemd-socket-proxyd", $"{Agent}/own");
        await Eventually.TrueAsync(() => File.Exists(Path.Combine(Agent, "users")));
        (await Shell.RunAsync("chgrp", $"{RoutedGroup}", $"{Agent}/users")).Ok();
        SetMode($"{Agent}/users", 0b110_110_000);
        await Eventually.TrueAsync(() => Region.Vms.All(vm => IsKnown(vm.Name)), TimeSpan.FromSeconds(60));
        await Eventually.TrueAsync(() => Region.Front.Listens(JumpStage.Port));
        foreach (var user in People)
        {
            await WriteClientAsync("login", user, "--login");
            await WriteClientAsync("jump", user);
        }
    }

    public async Task DisposeAsync()
    {
        if (Region is not null)
        {
            await Region.DisposeAsync();
        }
    }

    internal string Agent => Sandbox.PathOf("agent");

    internal string Upstream => Path.Combine(Sandbox.State, "ssh", "upstream", "id_ed25519");

    /// <summary>A client at home with what <c>sentinel ssh-config</c> printed.</summary>
    internal Task<Shell.Result> SshAsync(string client, params string[] arguments) => Region.Home.DoAsync(["ssh", "-F", Sandbox.PathOf(client), .. arguments]);

    /// <summary>Starts a program at home.</summary>
    internal Process Start(params string[] command) => Shell.Start("ip", ["netns", "exec", Region.Home.Network.Name, .. command]);

    /// <summary>Runs a program as somebody of the sentinel's machine.</summary>
    internal Task<Shell.Result> AsAsync(int user, int group, string line) =>
        AtSentinelAsync("setpriv", $"--reuid={user}", $"--regid={group}", "--clear-groups", "sh", "-c", line);

    internal async Task<string> SentinelAsync(params string[] command) => (await AskAsync(command)).Ok();

    internal Task<Shell.Result> AskAsync(params string[] command) =>
        AtSentinelAsync(["env", $"SENTINEL_ADMIN=http://{Sandbox.Front}:8888", .. DaemonProgram.Command([.. command, "--config", Sentinel.Configuration])]);

    /// <summary>The VMs take the sentinel's keys, as key sync or whoever made them gives them.</summary>
    internal async Task WelcomeAsync()
    {
        var keys = await Task.WhenAll(Directory.GetFiles(Path.GetDirectoryName(Upstream)!, "*.pub").Select(key => File.ReadAllTextAsync(key)));
        foreach (var (vm, user) in Region.Vms.Zip(People))
        {
            await File.WriteAllTextAsync(Path.Combine(vm.PathOf("keys"), user), string.Concat(keys) + await File.ReadAllTextAsync(Sandbox.PathOf($"{user}.pub")));
        }
    }

    /// <summary>The first VM goes, and comes back with another host key once it is seen to be away.</summary>
    /// <param name="hostKey">The file of the key that it shows then.</param>
    internal async Task RemakeVmAsync(string hostKey)
    {
        var vm = Region.Vms[0];
        vm.Stop();
        await Eventually.TrueAsync(async () => !(bool)(await Sentinel.BackendAsync(vm.Name))["healthy"]!);
        await vm.StartSshAsync(hostKey);
        await Eventually.TrueAsync(async () => (bool)(await Sentinel.BackendAsync(vm.Name))["healthy"]!);
    }

    /// <summary>Whether the sentinel has seen a VM's host key.</summary>
    internal bool IsKnown(string vm) =>
        Path.Combine(Sandbox.State, "ssh", "known_hosts") is var file && File.Exists(file) && File.ReadAllText(file).Contains(vm, StringComparison.Ordinal);

    internal async Task WriteClientAsync(string method, string user, params string[] more) =>
        Sandbox.Write($"{method}-{user}", await SentinelAsync(["ssh-config", user, .. more]) + $"""

            Host *
                IdentityFile {Sandbox.PathOf(user)}
                IdentitiesOnly yes
                BatchMode yes
                UserKnownHostsFile none
                LogLevel ERROR

            """);

    private object Configuration() => new
    {
        name = "front",
        backends = Region.Vms.Index().ToDictionary(at => at.Item.Name, at => new
        {
            address = Region.VmAddress(at.Index),
            health = new { kind = "ssh", port = 22, interval = "250ms", healthyAfter = 1 },
        }),
        pools = new { },
        listeners = new { },
        ssh = new
        {
            host = Region.Sentinel4,
            log = Sandbox.PathOf("sshd.log"),
            routes = false,
            trustedUserCaFile = Sandbox.PathOf("authority.pub"),
            login = new { accounts = Sandbox.PathOf("accounts"), agent = Agent, program = Path.Combine(AppContext.BaseDirectory, "sentinel-route") },
            users = People.Zip(Region.Vms).ToDictionary(at => at.First, at => new { keysFile = Sandbox.PathOf($"{at.First}.pub"), backend = at.Second.Name }),
        },
    };

    /// <summary>The sentinel's machine, in which alone these accounts are to be found, for as long as its process goes on.</summary>
    private async Task BootAsync()
    {
        Sandbox.Write("passwd", File.ReadAllText("/etc/passwd") + "jump:*:20001:65534::/:/usr/sbin/nologin\ntunnel:*:20002:65534::/:/usr/sbin/nologin\n");
        Sandbox.Write("group", File.ReadAllText("/etc/group") + $"sentinel-users:x:{RoutedGroup}:\n");
        Sandbox.Write("nsswitch.conf", "passwd: files extrausers\ngroup: files\nshadow: files\nhosts: files\n");
        foreach (var file in People.Select(user => $"{user}.pub").Concat(["passwd", "group", "nsswitch.conf", "authority.pub"]))
        {
            SetMode(Sandbox.PathOf(file), 0b110_100_100);
        }

        Directory.CreateDirectory("/var/lib/extrausers");
        File.Create(Sandbox.PathOf("sshd.log")).Dispose();
        _machine = Shell.Start("ip", "netns", "exec", Region.Front.Network.Name, "unshare", "--mount", "--propagation", "private", "sh", "-c", """
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

    private Task<Shell.Result> AtSentinelAsync(params string[] command) => Shell.RunAsync("nsenter", OnMachine(command));

    private void Run(params string[] command)
    {
        var process = Shell.Start("nsenter", OnMachine(command));
        _ = process.StandardOutput.ReadToEndAsync();
        _ = process.StandardError.ReadToEndAsync();
    }

    private string[] OnMachine(string[] command) => ["-t", $"{_machine.Id}", "-m", "-n", "--", .. command];
}
