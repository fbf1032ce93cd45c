using Sentinel.Forwarding.Relay.Kernel;

namespace Sentinel.Forwarding.Relay;

/// <summary>
/// What a machine needs for <c>transparent</c> listeners besides the daemon: packets that backends send to addresses of
/// clients are not this machine's by their address, and must be handed to the sockets that bound those addresses.
/// </summary>
public static class TransparentRules
{
    // Arbitrary, and unlikely to be anybody else's; the table of routes has the same number.
    private const int Mark = 0x53e;

    /// <summary>Renders a shell script that can be run again at any time.</summary>
    /// <param name="sentinel">The sentinel's name.</param>
    /// <param name="ports">The backends' ports of all transparent listeners.</param>
    /// <returns>Only comments if no listener is transparent.</returns>
    public static string Render(string sentinel, IEnumerable<int> ports)
    {
        var all = ports.Distinct().Order().ToArray();
        var table = NftName.Of("sentinel-transparent", sentinel);
        return all.Length == 0
            ? "# No listener is transparent: nothing to do.\n"
            : $$"""
                #!/bin/sh
                # On the sentinel's machine, as root: what backends answer to clients goes to the daemon's sockets.
                set -e
                nft -f - <<'END'
                table inet {{table}}
                delete table inet {{table}}
                table inet {{table}} {
                	chain answers {
                		type filter hook prerouting priority mangle; policy accept;
                		tcp sport { {{string.Join(", ", all)}} } socket transparent 1 meta mark set 0x{{Mark:x}}
                	}
                }
                END
                for family in -4 $(test -e /proc/net/if_inet6 && echo -6); do
                	ip $family rule del fwmark 0x{{Mark:x}} lookup {{Mark}} 2>/dev/null || true
                	ip $family rule add fwmark 0x{{Mark:x}} lookup {{Mark}}
                	ip $family route replace local default dev lo table {{Mark}}
                done
                # On each backend: what it answers to clients must come through this machine, such as by
                #	ip route replace default via ADDRESS-OF-THIS-MACHINE
                # To undo it here:
                #	nft delete table inet {{table}}
                #	ip -4 rule del fwmark 0x{{Mark:x}} lookup {{Mark}}; ip -4 route flush table {{Mark}}
                #	ip -6 rule del fwmark 0x{{Mark:x}} lookup {{Mark}}; ip -6 route flush table {{Mark}}

                """;
    }
}
