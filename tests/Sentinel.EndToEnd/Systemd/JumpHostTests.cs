using Sentinel.Testing;

namespace Sentinel.EndToEnd.Systemd;

/// <summary>The units of the jump host, under a real systemd: users of their own, an sshd of its own, logins while the daemon restarts.</summary>
[Collection("systemd")]
public sealed class JumpHostTests
{
    private const string Client = "ssh -F /root/config -o IdentityFile=/root/alice -o IdentitiesOnly=yes -o BatchMode=yes";

    [NeedsFact("systemd-nspawn", "debootstrap", "root")]
    public async Task Users_jump_and_log_in_also_while_the_daemon_restarts()
    {
        await using var sentinel = await InstalledSentinel.CreateAsync("{}");
        var container = sentinel.Container;
        await InstallAsync(sentinel);

        // The VM: another sshd of the same machine.
        await container.ShellAsync("""
            useradd --create-home --shell /bin/sh --password '*' vm-alice && mkdir -p /run/sshd /root/vm
            ssh-keygen -q -t ed25519 -N '' -f /root/vm/host && ssh-keygen -q -t ed25519 -N '' -f /root/alice
            """);
        sentinel.Configure(new
        {
            name = "front",
            backends = new Dictionary<string, object> { ["spot-1"] = new { address = "127.0.0.9", health = new { kind = "ssh", port = 22, interval = "250ms", healthyAfter = 1 } } },
            pools = new { },
            listeners = new { },
            ssh = new { host = "127.0.0.1", login = new { }, users = new { alice = new { keys = new[] { (await container.ShellAsync("cat /root/alice.pub")).Trim() }, backend = "spot-1" } } },
        });
        await container.ShellAsync("systemctl start sentinel sentinel-sshd sentinel-agent-users.socket sentinel-agent || { journalctl --no-pager -u 'sentinel*' | tail -n 40; exit 1; }");
        await container.ShellAsync("""
            mkdir -p /root/vm/keys && chmod 711 /root && chmod 755 /root/vm /root/vm/keys
            for i in $(seq 100); do [ -e /var/lib/sentinel/ssh/upstream/id_ed25519 ] && break; sleep 0.1; done
            cat /root/alice.pub /var/lib/sentinel/ssh/upstream/id_ed25519.pub >/root/vm/keys/alice && chmod 644 /root/vm/keys/alice
            printf '%s\n' 'ListenAddress 127.0.0.9:22' 'HostKey /root/vm/host' 'AuthorizedKeysFile /root/vm/keys/%u' 'PidFile none' 'UsePAM no' 'StrictModes no' 'SetEnv MACHINE=spot-1' >/root/vm/config
            systemd-run --quiet --unit=vm /usr/sbin/sshd -D -f /root/vm/config
            for i in $(seq 300); do [ -s /var/lib/sentinel/ssh/known_hosts ] && break; sleep 0.1; done
            sentinel ssh-config alice --login >/root/config && sentinel ssh-config alice >>/root/config
            """);

        Assert.Equal("spot-1 alice\n", await container.ShellAsync($"{Client} front 'echo $MACHINE $(id -un)'"));
        Assert.Equal("spot-1\n", await container.ShellAsync($"{JumpClient} spot-1 'echo $MACHINE'"));

        // Restarts of the daemon, one after the other, as long as people come in.
        await container.ShellAsync("systemctl reload sentinel && systemctl restart --no-block sentinel");
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal("spot-1\n", await container.ShellAsync($"{Client} front 'echo $MACHINE'"));
            Assert.Equal("spot-1\n", await container.ShellAsync($"{JumpClient} spot-1 'echo $MACHINE'"));
        }

        Assert.Equal("sentinel root:sentinel 660\n", await container.ShellAsync("echo $(stat -c %U /var/lib/sentinel) $(stat -c '%U:%G %a' /run/sentinel-sshd/log)"));
        Assert.DoesNotContain("uid=", (await container.RunAsync("bash", "-c", $"{Client} -l root front id")).Output, StringComparison.Ordinal);
    }

    // An option of the command line does not reach the hop before; an agent does.
    private static string JumpClient => $"ssh-agent sh -c 'ssh-add -q /root/alice && exec \"$@\"' - ssh -F /root/config -o BatchMode=yes";

    internal static async Task InstallAsync(InstalledSentinel sentinel)
    {
        var container = sentinel.Container;
        foreach (var unit in new[] { "sentinel-sshd.service", "sentinel-agent.service", "sentinel-agent-users.socket", "sentinel-agent-users.service", "sentinel.service.d/jump-host.conf" })
        {
            container.Write($"/etc/systemd/system/{unit}", await File.ReadAllTextAsync(Path.Combine(Container.Repository, "packaging/systemd", unit)));
        }

        container.Write("/etc/sysusers.d/sentinel.conf", await File.ReadAllTextAsync(Path.Combine(Container.Repository, "packaging/systemd/sentinel.sysusers")));
        container.Write("/etc/tmpfiles.d/sentinel.conf", await File.ReadAllTextAsync(Path.Combine(Container.Repository, "packaging/systemd/sentinel.tmpfiles")));
        foreach (var program in new[] { "sentinel-route", "sentinel-sshd-prepare", "sentinel-agent-load" })
        {
            container.Write($"/usr/local/lib/sentinel/{program}", await File.ReadAllTextAsync(Path.Combine(Container.Repository, "packaging/ssh", program)));
        }

        await container.ShellAsync("""
            chmod +x /usr/local/lib/sentinel/* && systemd-sysusers && systemd-tmpfiles --create /etc/tmpfiles.d/sentinel.conf
            sed -i 's/^passwd:.*/passwd: files extrausers/' /etc/nsswitch.conf && systemctl daemon-reload
            """);
    }
}
