using System.Net;
using System.Net.Sockets;
using Sentinel.Forwarding.Relay.Kernel;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Relay.Kernel;

/// <summary>The kernel's own connections, and messages that no kernel sends.</summary>
public sealed class TrackerTests
{
    private static readonly TrackedFlow Flow4 = new(IPEndPoint.Parse("10.27.1.2:5001"), IPEndPoint.Parse("10.27.1.1:22"), IPEndPoint.Parse("10.27.2.2:7000"), TrackedState.Established);
    private static readonly TrackedFlow Flow6 = new(IPEndPoint.Parse("[fd27:1::2]:5001"), IPEndPoint.Parse("[fd27:1::1]:22"), IPEndPoint.Parse("[fd27:2::2]:7000"), TrackedState.Established);

    [NeedsFact("root", "nft", "ip")]
    public async Task Connections_are_seen_and_forgotten_one_by_one()
    {
        using var rig = new KernelRig();
        rig.Serve("one", KernelRig.One);
        rig.Serve("six", KernelRig.One6);
        rig.Sentinel.Feed(
            $$"""
            table inet mine {
                chain targets {
                    type nat hook prerouting priority dstnat
                    tcp dport 22 dnat ip to {{KernelRig.One}}:{{KernelRig.Port}}
                    tcp dport 22 dnat ip6 to [{{KernelRig.One6}}]:{{KernelRig.Port}}
                }
                chain sources {
                    type nat hook postrouting priority srcnat
                    masquerade
                }
            }

            """,
            "nft", "-f", "-");
        using var first = await rig.ConnectAsync();
        await first.ReadLineAsync();
        using var second = await rig.ConnectAsync();
        await second.ReadLineAsync();
        using var six = await rig.ConnectAsync(KernelRig.At6);
        await six.ReadLineAsync();

        var seen = new List<TrackedFlow>();
        var gone = rig.Sentinel.Inside(() => Tracker.Visit(flow =>
        {
            seen.Add(flow);
            return flow.Client.Equals(second.LocalEndPoint);
        }));

        Assert.Equal(second.LocalEndPoint, Assert.Single(gone).Client);
        Assert.Equal(
            [
                $"{first.LocalEndPoint} {KernelRig.At} {KernelRig.One}:{KernelRig.Port} Established",
                $"{second.LocalEndPoint} {KernelRig.At} {KernelRig.One}:{KernelRig.Port} Established",
                $"{six.LocalEndPoint} {KernelRig.At6} [{KernelRig.One6}]:{KernelRig.Port} Established",
            ],
            seen.Select(flow => $"{flow.Client} {flow.To} {flow.Backend} {flow.State}").Order().ToArray().OrderBy(line => line.StartsWith('[')).ThenBy(line => line.StartsWith($"{second.LocalEndPoint}", StringComparison.Ordinal)));
        var left = rig.Sentinel.Inside(() =>
        {
            var rest = new List<TrackedFlow>();
            Tracker.Visit(flow =>
            {
                rest.Add(flow);
                return false;
            });
            return rest;
        });
        Assert.Equal(2, left.Count);
        Assert.DoesNotContain(left, flow => flow.Client.Equals(second.LocalEndPoint));
    }

    [Fact]
    public void Messages_cut_short_or_made_of_junk_are_passed_over()
    {
        var random = new Random(27);
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            if (bytes.Length >= 20)
            {
                // a plausible header and plausible lengths, so that the inside is reached
                (bytes[0], bytes[1], bytes[2], bytes[3]) = ((byte)bytes.Length, 0, 0, 0);
                (bytes[4], bytes[5]) = (0, 1);
                for (var at = 20; at + 4 <= bytes.Length; at += 4 * random.Next(1, 4))
                {
                    (bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]) = ((byte)random.Next(40), 0, (byte)random.Next(6), 0);
                }
            }

            var rest = (ReadOnlySpan<byte>)bytes;
            while (TrackMessage.TryNext(ref rest, out var message))
            {
                if (!TrackMessage.IsEnd(message, out _))
                {
                    _ = TrackMessage.Read(message);
                }
            }
        }
    }

    [Fact]
    public void A_nudge_is_a_syn_ack_with_a_right_checksum()
    {
        foreach (var flow in new[] { Flow4, Flow6 })
        {
            var packet = Nudge.Packet(flow);
            var isV4 = flow.To.AddressFamily == AddressFamily.InterNetwork;
            var (addresses, tcp) = isV4 ? (packet[12..20], packet[20..]) : (packet[8..40], packet[40..]);

            Assert.Equal(flow.To.Address.GetAddressBytes().Concat(flow.Client.Address.GetAddressBytes()), addresses);
            Assert.Equal((flow.To.Port, flow.Client.Port, 0x12), ((tcp[0] << 8) | tcp[1], (tcp[2] << 8) | tcp[3], tcp[13]));
            var sum = addresses.Concat(tcp).Chunk(2).Sum(pair => (pair[0] << 8) | pair[1]) + 6 + 20;
            Assert.Equal(0xffff, (sum & 0xffff) + (sum >> 16));
        }
    }
}
