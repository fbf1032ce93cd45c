using System.Net;
using System.Net.Sockets;
using Sentinel.Forwarding.Relay;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Forwarding.Tests.Relay.Kernel;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Relay;

public sealed class TransparentTests
{
    [Fact]
    public void The_script_is_rendered_like_this() => Assert.Equal(
        """
        #!/bin/sh
        # On the sentinel's machine, as root: what backends answer to clients goes to the daemon's sockets.
        set -e
        nft -f - <<'END'
        table inet sentinel-transparent_front-1
        delete table inet sentinel-transparent_front-1
        table inet sentinel-transparent_front-1 {
        	chain answers {
        		type filter hook prerouting priority mangle; policy accept;
        		tcp sport { 22, 443 } socket transparent 1 meta mark set 0x53e
        	}
        }
        END
        for family in -4 $(test -e /proc/net/if_inet6 && echo -6); do
        	ip $family rule del fwmark 0x53e lookup 1342 2>/dev/null || true
        	ip $family rule add fwmark 0x53e lookup 1342
        	ip $family route replace local default dev lo table 1342
        done
        # On each backend: what it answers to clients must come through this machine, such as by
        #	ip route replace default via ADDRESS-OF-THIS-MACHINE
        # To undo it here:
        #	nft delete table inet sentinel-transparent_front-1
        #	ip -4 rule del fwmark 0x53e lookup 1342; ip -4 route flush table 1342
        #	ip -6 rule del fwmark 0x53e lookup 1342; ip -6 route flush table 1342

        """,
        TransparentRules.Render("front-1", [443, 22, 22]));

    [Fact]
    public void Without_a_transparent_listener_there_is_nothing_to_do() =>
        Assert.All(TransparentRules.Render("front-1", []).Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.StartsWith("#", line, StringComparison.Ordinal));

    [NeedsFact("root", "nft", "ip")]
    public async Task The_backend_sees_the_clients_own_address()
    {
        using var rig = new KernelRig();
        rig.Serve("one", KernelRig.One);
        rig.Serve("six", KernelRig.One6);
        rig.Backends.Do("ip", "route", "add", "default", "via", KernelRig.Near);
        rig.Backends.Do("ip", "route", "add", "default", "via", "fd27:2::1");
        foreach (var _ in new[] { "once", "and again" })
        {
            rig.Sentinel.Feed(TransparentRules.Render("x; reboot\n'END'", [KernelRig.Port]), "sh");
        }

        using var four = await DialAsync(rig, KernelRig.One, IPAddress.Parse(KernelRig.Client).MapToIPv6());
        Assert.Equal($"one {KernelRig.Client}", await four.ReadLineAsync());
        Assert.Equal("through", await KernelRig.EchoAsync(four, "through"));

        using var six = await DialAsync(rig, KernelRig.One6, IPAddress.Parse(KernelRig.Client6));
        Assert.Equal($"six {KernelRig.Client6}", await six.ReadLineAsync());
        Assert.Equal("through", await KernelRig.EchoAsync(six, "through"));
    }

    [NeedsFact("linux")]
    public void A_client_of_another_family_has_no_address_to_keep()
    {
        using var four = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var six = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);

        Assert.NotEqual(0, TransparentSource.Bind((int)four.Handle, IPAddress.Parse(KernelRig.Client6)));
        Assert.NotEqual(0, TransparentSource.Bind((int)six.Handle, IPAddress.Parse(KernelRig.Client)));
    }

    private static async Task<Socket> DialAsync(KernelRig rig, string backend, IPAddress client)
    {
        var to = new IPEndPoint(IPAddress.Parse(backend), KernelRig.Port);
        var socket = rig.Sentinel.Inside(() =>
        {
            var made = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            Assert.Equal(0, TransparentSource.Bind((int)made.Handle, client));
            return made;
        });
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        await socket.ConnectAsync(to, deadline.Token);
        return socket;
    }
}
