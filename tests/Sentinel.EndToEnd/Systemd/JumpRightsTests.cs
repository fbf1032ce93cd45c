using Sentinel.Testing;

namespace Sentinel.EndToEnd.Systemd;

/// <summary>
/// The jump host's daemon with the rights of its drop-ins alone, and the unit of a VM that connects out, under a real systemd: one
/// machine that is both, with an sshd of the VM's own.
/// </summary>
[Collection("systemd")]
public sealed class JumpRightsTests : IAsyncLifetime
{
    private InstalledSentinel _sentinel = null!;
    private string _alice = "";
    private string _guest = "";

    private Container Container => _sentinel.Container;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_sentinel is not null)
        {
            await _sentinel.DisposeAsync();
        }
    }

    [NeedsFact("systemd-nspawn", "debootstrap", "root")]
    public async Task One_capability_is_enough_and_the_tunnel_comes_back_whatever_ends_it()
    {
        _sentinel = await InstalledSentinel.CreateAsync("{}");
        await JumpHostTests.InstallAsync(_sentinel);
        await BootAsync();

        Assert.Equal("sentinel 0000000000001400\n", await Container.ShellAsync("pid=$(systemctl show --value -p MainPID sentinel); echo $(stat -c %U /proc/$pid) $(sed -n 's/^CapEff:\t//p' /proc/$pid/status)"));
        await UntilAsync("ip route show proto 83 | grep -q '^10.0.3.0/24 via 10.99.0.10'");

        // The tunnel: its unit starts anew, its ssh dies, the sentinel's sshd dies with all its connections, the daemon restarts.
        await JumpsAsync();
        foreach (var end in new[] { "systemctl restart sentinel-tunnel", "systemctl kill -s KILL sentinel-tunnel", "systemctl kill -s KILL sentinel-sshd", "systemctl restart sentinel" })
        {
            await Container.ShellAsync(end);
            await JumpsAsync();
        }

        // The restart of the daemon left the routes, and the next one looks after them.
        await UntilAsync("ip route show proto 83 | grep -q '^10.0.3.0/24 via 10.99.0.10'");
        await Container.ShellAsync("ip route del 10.0.3.0/24 proto 83 && systemctl restart sentinel");
        await UntilAsync("ip route show proto 83 | grep -q '^10.0.3.0/24 via 10.99.0.10'");

        // Who is removed is out, who guesses is refused: neither takes root.
        await Container.ShellAsync("systemd-run --quiet --unit=session /root/jump 'touch /tmp/alice-is-in; exec sleep 1000'");
        await UntilAsync("[ -e /tmp/alice-is-in ]");
        Configure(withAlice: false);
        await Container.ShellAsync("systemctl reload sentinel");
        await UntilAsync("! systemctl is-active --quiet session");

        // Five guesses would do; one that comes while sshd reads its configuration anew finds nobody.
        await Container.ShellAsync("for name in admin oracle postgres ubuntu test git mysql deploy; do ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -b 127.0.0.66 -p 2222 $name@127.0.0.1 true || true; done");
        await UntilAsync("nft list set inet sentinel_ssh four | grep -q 127.0.0.66");

        await Container.ShellAsync("systemctl stop sentinel");
        Assert.Equal("", await Container.ShellAsync("nft list tables; ip route show proto 83"));
    }

    private async Task BootAsync()
    {
        foreach (var (from, to) in new[]
                 {
                     ("systemd/sentinel.service.d/ssh-sessions.conf", "/etc/systemd/system/sentinel.service.d/ssh-sessions.conf"), ("systemd/sentinel.service.d/routes.conf", "/etc/systemd/system/sentinel.service.d/routes.conf"),
                     ("systemd/sentinel-tunnels.sysctl.conf", "/etc/sysctl.d/sentinel-tunnels.conf"), ("guest/sentinel-tunnel", "/usr/local/bin/sentinel-tunnel"), ("guest/sentinel-tunnel.service", "/etc/systemd/system/sentinel-tunnel.service"),
                 })
        {
            Container.Write(to, await File.ReadAllTextAsync(Path.Combine(Container.Repository, "packaging", from)));
        }

        // The guest's user is a dynamic one, and has a name by systemd's own module.
        await Container.ShellAsync("""
            chmod +x /usr/local/bin/sentinel-tunnel && sed -i 's/^passwd:.*/passwd: files extrausers systemd/' /etc/nsswitch.conf && systemctl daemon-reload
            /lib/systemd/systemd-sysctl /etc/sysctl.d/sentinel-tunnels.conf
            ip link add lan type veth peer name far && ip address add 10.99.0.1/24 dev lan && ip link set lan up && ip link set far up
            mkdir -p /run/sshd /root/vm /etc/sentinel-tunnel && useradd --create-home --shell /bin/sh --password '*' alice
            for key in /root/vm/host /root/alice /etc/sentinel-tunnel/key; do ssh-keygen -q -t ed25519 -N '' -f $key; done
            chmod 711 /root && chmod 755 /root/vm && cp /root/alice.pub /root/vm/alice && chmod 644 /root/vm/alice
            printf '%s\n' 'ListenAddress 127.0.0.1:22' 'HostKey /root/vm/host' 'AuthorizedKeysFile /root/vm/%u' 'PidFile none' 'UsePAM no' 'StrictModes no' 'SetEnv MACHINE=lab-1' >/root/vm/config
            systemd-run --quiet --unit=vm /usr/sbin/sshd -D -f /root/vm/config
            printf '%s\n' SENTINEL_HOST=127.0.0.1 TUNNEL_ADDRESS=127.77.128.1 >/etc/sentinel-tunnel/environment
            """);

        // An option of the command line does not reach the hop before; an agent does.
        Container.Write("/root/jump", "#!/bin/sh\nexec ssh-agent sh -c 'ssh-add -q /root/alice && exec ssh -F /root/config -o BatchMode=yes lab-1 \"$@\"' jump \"$@\"\n");
        await Container.ShellAsync("chmod +x /root/jump");
        _alice = (await Container.ShellAsync("cat /root/alice.pub")).Trim();
        _guest = (await Container.ShellAsync("cat /etc/sentinel-tunnel/key.pub")).Trim();
        Configure(withAlice: true);
        await Container.ShellAsync("systemctl start sentinel sentinel-sshd || { journalctl --no-pager -u 'sentinel*' | tail -n 40; exit 1; }");
        await UntilAsync("[ -e /var/lib/sentinel/ssh/host_keys/ssh_host_ed25519_key.pub ]");
        await Container.ShellAsync("echo sentinel $(cat /var/lib/sentinel/ssh/host_keys/ssh_host_ed25519_key.pub) >/etc/sentinel-tunnel/known_hosts && systemctl start sentinel-tunnel");
        await UntilAsync("[ -s /var/lib/sentinel/ssh/known_hosts ]");
        await Container.ShellAsync("sentinel ssh-config alice >/root/config");
    }

    private void Configure(bool withAlice) => _sentinel.Configure(new
    {
        name = "front",
        backends = new Dictionary<string, object>
        {
            ["lab-1"] = new { tunnel = new { keys = new[] { _guest } }, health = new { kind = "ssh", port = 22, interval = "250ms", healthyAfter = 1 } },
            ["spot-2"] = new { address = "10.99.0.10", networks = new[] { "10.0.3.0/24" } },
        },
        pools = new { },
        listeners = new { },
        ssh = new { host = "127.0.0.1", users = withAlice ? new Dictionary<string, object> { ["alice"] = new { keys = new[] { _alice }, backend = "lab-1" } } : [] },
    });

    /// <summary>Alice gets to the VM through its tunnel; who comes at the very moment at which something ends is turned away, and comes again.</summary>
    private Task JumpsAsync() => UntilAsync("[ \"$(/root/jump 'echo $MACHINE')\" = lab-1 ]");

    private async Task UntilAsync(string line)
    {
        try
        {
            await Eventually.TrueAsync(async () => (await Container.RunAsync("bash", "-c", line)).Status == 0, TimeSpan.FromSeconds(60), line);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{(await Container.RunAsync("bash", "-c", "journalctl --no-pager -n 60 -u 'sentinel*'; tail -n 30 /run/sentinel-sshd/log")).Output}", e);
        }
    }
}
