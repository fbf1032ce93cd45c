using System.Net;
using Sentinel.Forwarding.Relay.Kernel;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Relay.Kernel;

/// <summary>What is rendered, letter by letter; and nft itself, asked whether it would take it.</summary>
public sealed class NftRulesTests
{
    private static readonly NftTable Table = new("front_1",
    [
        new()
        {
            Listener = "ssh",
            At = [IPEndPoint.Parse("192.0.2.1:22"), IPEndPoint.Parse("[2001:db8::1]:22")],
            EverAt = [IPEndPoint.Parse("192.0.2.1:22"), IPEndPoint.Parse("[2001:db8::1]:22")],
            Targets = [new(IPEndPoint.Parse("10.0.0.2:2022"), 100)],
            EverTo = [IPEndPoint.Parse("10.0.0.2:2022"), IPEndPoint.Parse("10.0.0.3:2022"), IPEndPoint.Parse("10.0.0.4:22")],
            MaxConnectionsPerClient = 20,
        },
        new()
        {
            Listener = "git",
            At = [IPEndPoint.Parse("0.0.0.0:9418"), IPEndPoint.Parse("[::]:9418")],
            EverAt = [IPEndPoint.Parse("0.0.0.0:9418"), IPEndPoint.Parse("[::]:9418")],
            Targets =
            [
                new(IPEndPoint.Parse("10.0.0.2:9418"), 100), new(IPEndPoint.Parse("10.0.0.3:9418"), 300),
                new(IPEndPoint.Parse("[2001:db8:1::2]:9418"), 100),
            ],
            EverTo = [IPEndPoint.Parse("10.0.0.2:9418"), IPEndPoint.Parse("10.0.0.3:9418"), IPEndPoint.Parse("[2001:db8:1::2]:9418")],
        },
    ]);

    [Fact]
    public void A_table_is_rendered_like_this() => Assert.Equal(
        """
        table inet sentinel_front__1
        flush table inet sentinel_front__1
        table inet sentinel_front__1 {
        	counter new_ssh {
        	}
        	counter refused_ssh {
        	}
        	counter in_ssh {
        	}
        	counter out_ssh {
        	}
        	set clients4_ssh {
        		type ipv4_addr
        		size 65535
        		flags dynamic
        	}
        	set clients6_ssh {
        		type ipv6_addr
        		size 65535
        		flags dynamic
        	}
        	chain limits_ssh {
        		meta nfproto ipv4 add @clients4_ssh { ip saddr ct count over 20 } counter name refused_ssh reject with tcp reset
        		meta nfproto ipv6 add @clients6_ssh { ip6 saddr & ffff:ffff:ffff:ffff:: ct count over 20 } counter name refused_ssh reject with tcp reset
        	}
        	chain flows_ssh {
        		ct direction original counter name in_ssh
        		ct direction reply counter name out_ssh
        	}
        	counter new_git {
        	}
        	counter refused_git {
        	}
        	counter in_git {
        	}
        	counter out_git {
        	}
        	set clients4_git {
        		type ipv4_addr
        		size 65535
        		flags dynamic
        	}
        	set clients6_git {
        		type ipv6_addr
        		size 65535
        		flags dynamic
        	}
        	chain limits_git {
        	}
        	chain flows_git {
        		ct direction original counter name in_git
        		ct direction reply counter name out_git
        	}
        	chain limits {
        		type filter hook prerouting priority dstnat - 1; policy accept;
        		iifname != "lo" ip daddr 192.0.2.1 tcp dport 22 tcp flags & (fin|syn|rst|ack) == syn jump limits_ssh
        	}
        	chain targets {
        		type nat hook prerouting priority dstnat; policy accept;
        		iifname != "lo" ip daddr 192.0.2.1 tcp dport 22 tcp flags & (fin|syn|rst|ack) == syn counter name new_ssh dnat ip to 10.0.0.2:2022
        		iifname != "lo" meta nfproto ipv4 fib daddr type local tcp dport 9418 tcp flags & (fin|syn|rst|ack) == syn counter name new_git dnat ip to numgen inc mod 4 map { 0 : 10.0.0.2, 1-3 : 10.0.0.3 }:9418
        		iifname != "lo" meta nfproto ipv6 fib daddr type local tcp dport 9418 tcp flags & (fin|syn|rst|ack) == syn counter name new_git dnat ip6 to [2001:db8:1::2]:9418
        	}
        	chain sources {
        		type nat hook postrouting priority srcnat; policy accept;
        		ct status & dnat == 0 accept
        		meta l4proto tcp ct original ip daddr 192.0.2.1 ct original proto-dst 22 ct reply ip saddr { 10.0.0.2, 10.0.0.3 } ct reply proto-src 2022 masquerade
        		meta l4proto tcp ct original ip daddr 192.0.2.1 ct original proto-dst 22 ct reply ip saddr { 10.0.0.4 } ct reply proto-src 22 masquerade
        		meta l4proto tcp ct original proto-dst 9418 ct reply ip saddr { 10.0.0.2, 10.0.0.3 } ct reply proto-src 9418 masquerade
        		meta l4proto tcp ct original proto-dst 9418 ct reply ip6 saddr { 2001:db8:1::2 } ct reply proto-src 9418 masquerade
        	}
        	chain flows {
        		type filter hook forward priority filter; policy accept;
        		ct status & dnat == 0 accept
        		meta l4proto tcp ct original ip daddr 192.0.2.1 ct original proto-dst 22 ct reply ip saddr { 10.0.0.2, 10.0.0.3 } ct reply proto-src 2022 goto flows_ssh
        		meta l4proto tcp ct original ip daddr 192.0.2.1 ct original proto-dst 22 ct reply ip saddr { 10.0.0.4 } ct reply proto-src 22 goto flows_ssh
        		meta l4proto tcp ct original proto-dst 9418 ct reply ip saddr { 10.0.0.2, 10.0.0.3 } ct reply proto-src 9418 goto flows_git
        		meta l4proto tcp ct original proto-dst 9418 ct reply ip6 saddr { 2001:db8:1::2 } ct reply proto-src 9418 goto flows_git
        	}
        }

        """,
        NftRules.Render(Table, fresh: false));

    [Fact]
    public void A_fresh_table_replaces_whatever_is_there() => Assert.StartsWith(
        "table inet sentinel_x\ndelete table inet sentinel_x\ntable inet sentinel_x {\n",
        NftRules.Render(new("x", []), fresh: true), StringComparison.Ordinal);

    [Fact]
    public void Rules_are_exchanged_around_counters_only_while_the_lanes_are_the_same()
    {
        Assert.True(Table.SharesObjectsWith(Table with { Lanes = [Table.Lanes[0] with { Targets = [] }, Table.Lanes[1]] }));
        Assert.False(Table.SharesObjectsWith(Table with { Lanes = [Table.Lanes[0]] }));
        Assert.False(Table.SharesObjectsWith(null));
    }

    [Theory]
    [InlineData("front-1.example", "sentinel_front-1.example")]
    [InlineData("front_1", "sentinel_front__1")]
    [InlineData("front 1", "sentinel_front_00201")]
    [InlineData("x { }; flush ruleset", "sentinel_x_0020_007b_0020_007d_003b_0020flush_0020ruleset")]
    [InlineData("x\n\"y\"#$(z)", "sentinel_x_000a_0022y_0022_0023_0024_0028z_0029")]
    [InlineData("vorn\u00e9", "sentinel_vorn_00e9")]
    [InlineData("", "sentinel_")]
    public void Names_stay_names(string name, string expected) => Assert.Equal(expected, NftName.Of("sentinel", name));

    [Fact]
    public void Long_names_are_shortened_and_stay_different()
    {
        var (one, two) = (NftName.Of("sentinel", new string('x', 300) + "1"), NftName.Of("sentinel", new string('x', 300) + "2"));

        Assert.NotEqual(one, two);
        Assert.All([one, two], name => Assert.InRange(name.Length, 1, 200));
    }

    [NeedsFact("root", "nft", "ip")]
    public void Nft_would_take_it()
    {
        using var network = new NetworkNamespace("ker");
        string[] names = ["front-1", "x { }; flush ruleset", "\0\n\"'`$(reboot)", "\u540d\u524d", "table", "", "a b#2", new('x', 300)];
        foreach (var name in names)
        {
            var table = new NftTable(name, [.. Table.Lanes.Select((lane, i) => lane with { Listener = $"{name}{i}" })]);
            foreach (var fresh in new[] { true, false })
            {
                network.Feed(NftRules.Render(table, fresh), "nft", "-c", "-f", "-");
            }

            network.Feed(NftRules.Render(NftTable.Sample(name), fresh: true), "nft", "-c", "-f", "-");
        }

        Assert.Empty(network.Do("nft", "list", "ruleset"));
    }

    [NeedsFact("root", "nft", "ip")]
    public void Rules_that_are_exchanged_leave_what_is_somebody_elses()
    {
        using var network = new NetworkNamespace("ker");
        network.Feed("table inet other {\n\tchain c {\n\t\tcounter\n\t}\n}\n", "nft", "-f", "-");
        network.Feed(NftRules.Render(Table, fresh: true), "nft", "-f", "-");
        var before = network.Do("nft", "list", "ruleset");
        network.Feed(NftRules.Render(Table, fresh: false), "nft", "-f", "-");

        Assert.Equal(before, network.Do("nft", "list", "ruleset"));
        network.Feed(NftRules.RenderRemoval(Table.Sentinel), "nft", "-f", "-");
        network.Feed(NftRules.RenderRemoval(Table.Sentinel), "nft", "-f", "-");
        Assert.Equal("table inet other\n", network.Do("nft", "list", "tables"));
    }
}
