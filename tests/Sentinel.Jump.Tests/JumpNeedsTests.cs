using Sentinel.Backends;
using Sentinel.Jump.Machines;

namespace Sentinel.Jump.Tests;

/// <summary>A folder that stands for a machine: with everything nothing is missed, and what is taken away is named with what to do.</summary>
public sealed class JumpNeedsTests : IDisposable
{
    private const string State = "/var/lib/sentinel";
    private const string Tmpfiles = "copy packaging/systemd/sentinel.tmpfiles to /etc/tmpfiles.d/sentinel.conf, then systemd-tmpfiles --create.";
    private static readonly JumpSettings Settings = new() { Login = new() };

    private readonly string _root = Directory.CreateTempSubdirectory("sentinel-machine-").FullName;
    private readonly BackendDefinition _vm = new() { Id = new("spot-1"), Address = "10.0.0.1", Networks = ["10.0.3.0/24"], Tunnel = new([], [8022, 22]) };

    public JumpNeedsTests()
    {
        foreach (var file in new[]
                 {
                     "/usr/sbin/sshd", "/usr/bin/ssh-keygen", "/usr/bin/ssh-keyscan", "/usr/sbin/nft", "/usr/sbin/ip", "/etc/systemd/system/sentinel-sshd.service",
                     "/usr/local/lib/sentinel/sentinel-sshd-prepare", "/usr/local/lib/sentinel/sentinel-route", "/run/sentinel-sshd/log", "/usr/lib/x86_64-linux-gnu/libnss_extrausers.so.2",
                     "/etc/systemd/system/sentinel-agent.service", "/etc/systemd/system/sentinel-agent-users.socket", "/etc/systemd/system/sentinel-agent-users.service",
                     "/var/lib/extrausers/passwd", "/run/sentinel-agent/own", State + "/lock",
                 })
        {
            Write(file, "");
        }

        Write("/etc/passwd", "root:x:0:0::/root:/bin/sh\nsentinel:x:999:999::/:/usr/sbin/nologin\njump:*:998:998::/:/usr/sbin/nologin\ntunnel:*:997:997::/:/usr/sbin/nologin\n");
        Write("/etc/group", "sentinel-users:x:70000:\n");
        Write("/etc/nsswitch.conf", "passwd:         files extrausers systemd\n");
        Write("/etc/systemd/system/sentinel.service.d/ssh-sessions.conf", "[Service]\nAmbientCapabilities=CAP_NET_ADMIN\n");
        Write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "22\n");
        SetMode(0b111_001_001);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_machine_with_everything_lacks_nothing() => Assert.Empty(Needs());

    [Theory]
    [InlineData("/usr/sbin/sshd", "There is no sshd (/usr/sbin/sshd): apt install openssh-server.")]
    [InlineData("/usr/bin/ssh-keyscan", "There is no ssh-keygen or no ssh-keyscan: apt install openssh-client.")]
    [InlineData("/etc/systemd/system/sentinel-sshd.service", "The private sshd is not installed: copy packaging/systemd/sentinel-sshd.service to /etc/systemd/system, and the programs of packaging/ssh to /usr/local/lib/sentinel.")]
    [InlineData("/run/sentinel-sshd/log", "There is no log of sshd to follow (/run/sentinel-sshd/log): " + Tmpfiles)]
    [InlineData("/usr/sbin/nft", "The daemon cannot refuse attackers without the program nft: apt install nftables.")]
    [InlineData("/usr/sbin/ip", "The daemon cannot set routes to the networks of backends without the program ip: apt install iproute2, or \"routes\": false in \"ssh\".")]
    [InlineData("/etc/systemd/system/sentinel.service.d/ssh-sessions.conf", "The daemon may not end the sessions of removed users nor refuse attackers: that takes CAP_NET_ADMIN, as in packaging/systemd/sentinel.service.d/ssh-sessions.conf.")]
    [InlineData("/usr/lib/x86_64-linux-gnu/libnss_extrausers.so.2", "Users cannot log in by name without libnss-extrausers: apt install libnss-extrausers.")]
    [InlineData("/etc/nsswitch.conf", "Users cannot log in by name while \"extrausers\" is not in the passwd line of /etc/nsswitch.conf: add it after \"files\".")]
    [InlineData("/etc/group", "There is no group \"sentinel-users\" with the number 70000: copy packaging/systemd/sentinel.sysusers to /etc/sysusers.d/sentinel.conf, then systemd-sysusers.")]
    [InlineData("/usr/local/lib/sentinel/sentinel-route", "The program that sends users on is not there (/usr/local/lib/sentinel/sentinel-route): copy the programs of packaging/ssh to /usr/local/lib/sentinel.")]
    [InlineData("/etc/systemd/system/sentinel-agent.service", "The agent with the sentinel's own key is not installed: copy packaging/systemd/sentinel-agent* to /etc/systemd/system, then systemctl enable --now sentinel-agent sentinel-agent-users.socket.")]
    public void What_is_missing_is_named_with_what_to_do(string file, string expected)
    {
        File.Delete(_root + file);

        Assert.Equal([expected], Needs());
    }

    [Theory]
    [InlineData("sentinel", "There is no user \"sentinel\", as which the daemon writes what sshd reads: copy packaging/systemd/sentinel.sysusers to /etc/sysusers.d/sentinel.conf, then systemd-sysusers; and use packaging/systemd/sentinel.service.d/jump-host.conf.")]
    [InlineData("jump", "There is no account \"jump\" yet; it is made when the private sshd starts: systemctl enable --now sentinel-sshd.")]
    [InlineData("tunnel", "There is no account \"tunnel\" yet; it is made when the private sshd starts: systemctl enable --now sentinel-sshd.")]
    public void So_is_an_account(string name, string expected)
    {
        Write("/etc/passwd", File.ReadAllText(_root + "/etc/passwd").Replace($"\n{name}:", "\nother:", StringComparison.Ordinal));

        Assert.Equal([expected], Needs());
    }

    [Fact]
    public void So_are_directories_and_ports_that_are_closed()
    {
        SetMode(0b111_000_000);
        Write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "1024\n");
        Directory.Delete(_root + "/run/sentinel-agent", recursive: true);

        Assert.Equal(
            [
                "Users who log in cannot pass through /var/lib/sentinel to their keys: it takes StateDirectoryMode=0711, as in packaging/systemd/sentinel.service.d/jump-host.conf.",
                "sshd may not listen on port 22 for a VM that connects out: copy packaging/systemd/sentinel-tunnels.sysctl.conf to /etc/sysctl.d, then sysctl --system; or offer a port from 1024 on.",
                "/var/lib/extrausers or /run/sentinel-agent is not there: " + Tmpfiles,
            ],
            Needs());
    }

    [Fact]
    public void What_is_not_asked_for_is_not_missed()
    {
        foreach (var file in new[] { "/etc/nsswitch.conf", "/etc/group", "/usr/sbin/ip", "/etc/systemd/system/sentinel-agent.service" })
        {
            File.Delete(_root + file);
        }

        Write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "1024\n");
        Assert.Empty(JumpNeeds.Of(new() { Routes = false }, [_vm with { Tunnel = null }], State, new Machine(_root)));
    }

    private IEnumerable<string> Needs() => JumpNeeds.Of(Settings, [_vm], State, new Machine(_root));

    private void SetMode(int mode)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(_root + State, (UnixFileMode)mode);
        }
    }

    private void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_root + path)!);
        File.WriteAllText(_root + path, text);
    }
}
