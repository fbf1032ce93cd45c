using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Sentinel.Forwarding.Relay.Kernel;

/// <summary>
/// Renders our table as a script for <c>nft -f -</c> (nft(8)), which the kernel takes as one transaction.
/// Only packets that come in are diverted, never those of this machine's own clients: they reach the user-space
/// listener as always, and neither <c>route_localnet</c> nor a rule in the output hook is needed.
/// Only a first SYN is diverted, so that a connection which user space has, or which conntrack has forgotten, is never
/// picked up in its middle; a forgotten one falls to the listening socket, and the kernel answers it with a reset.
/// </summary>
internal static class NftRules
{
    private const string FirstPacket = "tcp flags & (fin|syn|rst|ack) == syn";

    /// <param name="fresh">
    /// Begins from nothing, whatever was there. Else only the rules are exchanged: counters go on, and connections
    /// counted against a limit stay counted. Connections that are open survive either.
    /// </param>
    public static string Render(NftTable table, bool fresh)
    {
        var script = new StringBuilder();
        script.Append($"table inet {table.Name}\n{(fresh ? "delete" : "flush")} table inet {table.Name}\ntable inet {table.Name} {{\n");
        foreach (var lane in table.Lanes)
        {
            Objects(script, lane);
        }

        Chain(script, "limits", "type filter hook prerouting priority dstnat - 1; policy accept;", table.Lanes.SelectMany(Limits));
        Chain(script, "targets", "type nat hook prerouting priority dstnat; policy accept;", table.Lanes.SelectMany(Diversions));

        // A kernel in whose rules nothing speaks of ct stops tracking, and connections that are open break: here, and in
        // the chain of each lane, something always does.
        Chain(script, "sources", "type nat hook postrouting priority srcnat; policy accept;",
            ["ct status & dnat == 0 accept", .. table.Lanes.SelectMany(lane => Flows(lane, "masquerade"))]);
        Chain(script, "flows", "type filter hook forward priority filter; policy accept;",
            ["ct status & dnat == 0 accept", .. table.Lanes.SelectMany(lane => Flows(lane, $"goto {NftName.Of("flows", lane.Listener)}"))]);
        return script.Append("}\n").ToString();
    }

    /// <summary>Removes the table, whether it is there or not.</summary>
    public static string RenderRemoval(string sentinel) =>
        $"table inet {NftTable.NameFor(sentinel)}\ndelete table inet {NftTable.NameFor(sentinel)}\n";

    private static void Objects(StringBuilder script, NftLane lane)
    {
        foreach (var counter in LaneCounters.Names(lane.Listener))
        {
            script.Append($"\tcounter {counter} {{\n\t}}\n");
        }

        // A set, unlike a rule, keeps its counts of connections while rules are exchanged around it.
        Set(script, NftName.Of("clients4", lane.Listener), "ipv4_addr");
        Set(script, NftName.Of("clients6", lane.Listener), "ipv6_addr");
        Chain(script, NftName.Of("limits", lane.Listener), null, LimitsOf(lane));
        Chain(script, NftName.Of("flows", lane.Listener), null,
        [
            $"ct direction original counter name {NftName.Of("in", lane.Listener)}",
            $"ct direction reply counter name {NftName.Of("out", lane.Listener)}",
        ]);
    }

    private static void Set(StringBuilder script, string name, string type) =>
        script.Append($"\tset {name} {{\n\t\ttype {type}\n\t\tsize 65535\n\t\tflags dynamic\n\t}}\n");

    private static void Chain(StringBuilder script, string name, string? hook, IEnumerable<string> rules)
    {
        script.Append($"\tchain {name} {{\n");
        foreach (var line in hook is null ? rules : rules.Prepend(hook))
        {
            script.Append($"\t\t{line}\n");
        }

        script.Append("\t}\n");
    }

    /// <summary>
    /// Only the limit of each client. The kernel counts by walking a list at each new connection, which for the limit of
    /// the whole listener would make the ten-thousandth connection cost twenty times the first.
    /// </summary>
    private static string[] LimitsOf(NftLane lane)
    {
        var refuse = $"ct count over {lane.MaxConnectionsPerClient} }} counter name {NftName.Of("refused", lane.Listener)} reject with tcp reset";
        return lane.MaxConnectionsPerClient == 0 ? [] :
        [
            $"meta nfproto ipv4 add @{NftName.Of("clients4", lane.Listener)} {{ ip saddr {refuse}",

            // one user is a /64, as in ClientAddress
            $"meta nfproto ipv6 add @{NftName.Of("clients6", lane.Listener)} {{ ip6 saddr & ffff:ffff:ffff:ffff:: {refuse}",
        ];
    }

    private static IEnumerable<string> Limits(NftLane lane) =>
        from at in lane.At
        where lane.MaxConnectionsPerClient > 0 && TargetsFor(lane, at).Length > 0
        select $"iifname != \"lo\" {Arriving(at)} jump {NftName.Of("limits", lane.Listener)}";

    private static IEnumerable<string> Diversions(NftLane lane) =>
        from at in lane.At
        let targets = TargetsFor(lane, at)
        where targets.Length > 0
        select $"iifname != \"lo\" {Arriving(at)} counter name {NftName.Of("new", lane.Listener)} dnat {Family(at.Address)} to {Destination(targets)}";

    /// <summary>A rule for the packets of open connections, both ways: known by where the client went and by who answers.</summary>
    private static IEnumerable<string> Flows(NftLane lane, string verdict) =>
        from at in lane.EverAt
        let family = Family(at.Address)
        from to in lane.EverTo.Where(to => to.AddressFamily == at.AddressFamily).GroupBy(to => to.Port)
        let went = IsAny(at.Address) ? "" : $"ct original {family} daddr {at.Address} "
        select $"meta l4proto tcp {went}ct original proto-dst {at.Port} ct reply {family} saddr {{ {string.Join(", ", to.Select(end => end.Address))} }}"
            + $" ct reply proto-src {to.Key} {verdict}";

    private static NftTarget[] TargetsFor(NftLane lane, IPEndPoint at) =>
        [.. lane.Targets.Where(target => target.EndPoint.AddressFamily == at.AddressFamily)];

    private static string Arriving(IPEndPoint at)
    {
        var family = Family(at.Address);
        var to = !IsAny(at.Address) ? $"{family} daddr {at.Address}" : $"meta nfproto {(family == "ip" ? "ipv4" : "ipv6")} fib daddr type local";
        return $"{to} tcp dport {at.Port} {FirstPacket}";
    }

    private static string Destination(NftTarget[] targets)
    {
        var port = targets[0].EndPoint.Port;
        if (targets.Length == 1)
        {
            return targets[0].EndPoint.ToString();
        }

        // 100 : 100 is 1 : 1, which alternates instead of coming in runs
        var divisor = targets.Select(target => target.Weight).Aggregate(Gcd);
        var (shares, first) = (new List<string>(), 0);
        foreach (var target in targets)
        {
            var last = first + (target.Weight / divisor) - 1;
            shares.Add($"{(first == last ? $"{first}" : $"{first}-{last}")} : {target.EndPoint.Address}");
            first = last + 1;
        }

        return $"numgen inc mod {first} map {{ {string.Join(", ", shares)} }}:{port}";
    }

    private static int Gcd(int a, int b) => b == 0 ? a : Gcd(b, a % b);

    private static string Family(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? "ip" : "ip6";

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
}
