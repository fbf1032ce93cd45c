using System.Diagnostics;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd.Jump;

/// <summary>
/// The region with a central jump host: the real daemon, its private sshd with the configuration that the daemon's program
/// renders, VMs without a public address, one of them behind a firewall and a tunnel, and people with the OpenSSH client.
/// Shared by the tests of a collection, which leave it as they found it.
/// </summary>
public sealed class JumpStage : IAsyncLifetime
{
    public const int Port = 2222;
    public const int Crowd = 300;

    private readonly Dictionary<string, SshKey> _keys = [];

    internal static string[] Stable { get; } = ["127.77.0.1", "127.77.0.2", "127.77.0.3"];

    internal Region Region { get; private set; } = null!;

    internal SentinelProcess Sentinel { get; private set; } = null!;

    internal Sandbox Sandbox => Region.Sandbox;

    internal Tunnel Tunnel { get; private set; } = null!;

    /// <summary>Users who are in the configuration, and where; null: placed by nobody yet.</summary>
    internal Dictionary<string, string?> Users { get; } = new()
    {
        ["alice"] = "vm-1",
        ["bob"] = "vm-2",
        ["carol"] = "vm-3",
        ["dave"] = "vm-1",
    };

    public async Task InitializeAsync()
    {
        if (Needs.Find("sshd") is null || !Environment.IsPrivilegedProcess)
        {
            return; // every test here says so and is skipped
        }

        var sandbox = new Sandbox();
        Region = await Region.CreateAsync(sandbox);
        for (var i = 0; i < Crowd; i++)
        {
            Users[$"user-{i:000}"] = null;
        }

        foreach (var host in Region.Vms.Concat(Region.Containers).Append(Region.Only))
        {
            host.AddUsers(Users.Keys.ToDictionary(user => user, user => KeyOf(user).Public));
        }

        foreach (var account in new[] { "jump", "tunnel" })
        {
            Region.Front.AddUsers(new() { [account] = "" });
        }

        // As the sysctl of the package: a tunnel listens on port 22 with its account's rights.
        Region.Front.Network.Do("sysctl", "-qw", "net.ipv4.ip_unprivileged_port_start=22");
        await Region.BootAsync();
        Region.Vms[2].CloseToOthers();
        File.Create(Log).Dispose();

        // As its unit has it: sshd reads key files below with the rights of who logs in.
        Directory.CreateDirectory(sandbox.State, (UnixFileMode)0b111_001_001);
        Sentinel = await sandbox.StartAsync(Configuration(), new() { Network = Region.Front.Network });
        await StartSshAsync();
        var hostKey = await File.ReadAllTextAsync(Path.Combine(sandbox.State, "ssh", "host_keys", "ssh_host_ed25519_key.pub"));
        sandbox.Write("known_hosts", $"vm {await File.ReadAllTextAsync($"{Region.HostKey}.pub")}sentinel {hostKey}");
        Tunnel = new(this, Region.Vms[2], KeyOf("tunnel-3"), "127.77.128.3");
        Tunnel.Start();
        try
        {
            await ServingAsync("vm-1", "vm-2", "vm-3");
        }
        catch (TimeoutException e)
        {
            throw new InvalidOperationException($"{e.Message}\n{await File.ReadAllTextAsync(Log)}\n{Sentinel.Log}\n{(await Tunnel.TryAsync("127.77.128.3")).Error}", e);
        }
    }

    public async Task DisposeAsync()
    {
        if (Region is not null)
        {
            await Region.DisposeAsync();
        }
    }

    internal string Log => Sandbox.PathOf("sshd.log");

    internal SshKey KeyOf(string name) => _keys.TryGetValue(name, out var key) ? key : _keys[name] = SshKey.Create(Sandbox.PathOf($"key-{name}"));

    /// <summary>What the daemon is told; users are those of <see cref="Users"/> now.</summary>
    internal object Configuration()
    {
        object Health() => new { kind = "ssh", port = 22, interval = "250ms", timeout = "2s", healthyAfter = 1, unhealthyAfter = 2 };
        return new
        {
            backends = new Dictionary<string, object>
            {
                ["vm-1"] = new { address = Region.VmAddress(0), networks = new[] { "10.0.3.0/24" }, health = Health() },
                ["vm-2"] = new { address = Region.VmAddress(1), networks = new[] { "10.0.3.0/24", "10.0.4.0/24" }, health = Health() },
                ["vm-3"] = new { tunnel = new { keys = new[] { KeyOf("tunnel-3").Public } }, health = Health() },
                ["vm-4"] = new { tunnel = new { keys = new[] { KeyOf("tunnel-4").Public } }, health = Health() },
            },
            pools = new { homes = new { backends = new[] { "vm-1", "vm-2", "vm-3" } } },
            listeners = new { },
            ssh = new
            {
                bind = new[] { $"0.0.0.0:{Port}", $"[::]:{Port}" },
                host = Region.Sentinel4,
                pool = "homes",
                log = Log,
                users = Users.ToDictionary(user => user.Key, user => new
                {
                    keys = new[] { KeyOf(user.Key).Public },
                    backend = user.Value,
                    allow = user.Key == "bob" ? new[] { $"{Region.OnlyContainer}:22", $"{Region.Container}:22" } : [],
                }),
            },
        };
    }

    internal async Task ReconfigureAsync()
    {
        Sentinel.Configure(Configuration());
        await Sentinel.Signal("HUP");
    }

    /// <summary>The daemon ends and another begins, with <see cref="Users"/> as they are now; sshd goes on.</summary>
    internal async Task RestartDaemonAsync()
    {
        await Sentinel.KillAsync();
        Sentinel = await Sandbox.StartAsync(Configuration(), new() { Network = Region.Front.Network });
        await ServingAsync("vm-1", "vm-2", "vm-3");
    }

    internal async Task ServingAsync(params string[] backends)
    {
        foreach (var backend in backends)
        {
            await Eventually.TrueAsync(async () => (bool)(await Sentinel.BackendAsync(backend))["healthy"]!, TimeSpan.FromSeconds(60), $"{backend} is healthy");
        }
    }

    internal Task GoneAsync(string backend) =>
        Eventually.TrueAsync(async () => !(bool)(await Sentinel.BackendAsync(backend))["healthy"]!, TimeSpan.FromSeconds(60), $"{backend} is not healthy");

    /// <summary>A person's ~/.ssh/config.</summary>
    internal string ConfigOf(string user, string? identities = null)
    {
        var file = Sandbox.PathOf($"config-{user}-{identities?.GetHashCode(StringComparison.Ordinal)}");
        if (!File.Exists(file))
        {
            Sandbox.Write(Path.GetFileName(file), $"""
                Host sentinel {Region.Sentinel4}
                  HostName {Region.Sentinel4}
                  Port {Port}
                  User jump
                  HostKeyAlias sentinel
                Host sentinel-6
                  HostName {Region.Sentinel6}
                  BindAddress {Region.Home6}
                  Port {Port}
                  User jump
                  HostKeyAlias sentinel
                Host vm-1
                  HostName {Stable[0]}
                  ProxyJump sentinel
                Host vm-2
                  HostName {Stable[1]}
                  ProxyJump sentinel
                Host vm-3
                  HostName {Stable[2]}
                  ProxyJump sentinel
                Host container-1
                  HostName {Region.Container}
                  ProxyJump vm-1
                Host container-2
                  HostName {Region.Container}
                  ProxyJump vm-2
                Host vm-* container-* 127.77.* 10.*
                  User {user}
                  HostKeyAlias vm
                Host *
                  {identities ?? $"IdentityFile {KeyOf(user).File}"}
                  IdentitiesOnly yes
                  BatchMode yes
                  UserKnownHostsFile {Sandbox.PathOf("known_hosts")}
                  ConnectTimeout 60
                  LogLevel ERROR

                """);
        }

        return file;
    }

    internal Task<Shell.Result> SshAsync(Host from, string user, params string[] arguments) => from.DoAsync(["ssh", "-F", ConfigOf(user), .. arguments]);

    internal Task<Shell.Result> SshAsync(string user, params string[] arguments) => SshAsync(Region.Home, user, arguments);

    /// <summary>A session that goes on, and answers lines with themselves.</summary>
    internal async Task<Process> OpenAsync(string user, params string[] to)
    {
        var process = Shell.Start("ip", ["netns", "exec", Region.Home.Network.Name, "ssh", "-F", ConfigOf(user), .. to, "cat"]);
        _ = process.StandardError.ReadToEndAsync();
        Assert.True(await AnswersAsync(process), $"no session of {user} to {string.Join(' ', to)}");
        return process;
    }

    /// <summary>Whether a session still works.</summary>
    internal static async Task<bool> AnswersAsync(Process session)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        try
        {
            await session.StandardInput.WriteLineAsync("hello".AsMemory(), deadline.Token);
            await session.StandardInput.FlushAsync(deadline.Token);
            return await session.StandardOutput.ReadLineAsync(deadline.Token) == "hello";
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return false;
        }
    }

    internal static async Task EndedAsync(Process session)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        await session.WaitForExitAsync(deadline.Token);
    }

    private async Task StartSshAsync()
    {
        await Eventually.TrueAsync(() => File.Exists(Path.Combine(Sandbox.State, "ssh", "host_keys", "ssh_host_ed25519_key")));
        var rendered = (await DaemonProgram.RunAsync("sshd-config", "--config", Sentinel.Configuration)).Ok();
        Region.Front.Run("/usr/sbin/sshd", "-D", "-E", Log, "-f", Sandbox.Write("sentinel-sshd_config", rendered));
        await Eventually.TrueAsync(() => Region.Front.Listens(Port));
    }
}

/// <summary>One region for all tests of the central jump host.</summary>
[CollectionDefinition(Name)]
public sealed class JumpCollection : ICollectionFixture<JumpStage>
{
    public const string Name = "jump host";
}
