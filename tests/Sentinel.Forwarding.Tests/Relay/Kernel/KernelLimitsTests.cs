using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Forwarding.Relay.Kernel;

namespace Sentinel.Forwarding.Tests.Relay.Kernel;

/// <summary>What is refused, and what the counters' list may look like.</summary>
public sealed class KernelLimitsTests
{
    private static readonly ListenerSettings Ssh = new()
    {
        Name = "ssh",
        Bind = [new(IPEndPoint.Parse("192.0.2.1:22"), null)],
        Protocol = ListenerProtocol.Tcp,
        Pool = new("pool"),
        Port = 22,
    };

    [Fact]
    public void A_listener_needs_tcp_and_nothing_that_reads_or_writes_its_bytes()
    {
        Assert.Contains("PROXY header", KernelLimits.Refusal(Ssh with { ProxyProtocol = ProxyProtocol.V1 }), StringComparison.Ordinal);
        Assert.Contains("PROXY header", KernelLimits.Refusal(Ssh with { AcceptProxyProtocolFrom = [IPNetwork.Parse("10.0.0.0/8")] }), StringComparison.Ordinal);
        Assert.Contains("transparent", KernelLimits.Refusal(Ssh with { Transparent = true }), StringComparison.Ordinal);
        Assert.Null(KernelLimits.Refusal(Ssh));
        Assert.Contains("tcp only", KernelLimits.Refusal(Ssh with { Protocol = ListenerProtocol.Http }), StringComparison.Ordinal);
        Assert.Contains("idleTimeout", KernelLimits.Refusal(Ssh with { IdleTimeout = TimeSpan.FromMinutes(1) }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(PoolPolicy.ActiveStandby, null)]
    [InlineData(PoolPolicy.RoundRobin, null)]
    [InlineData(PoolPolicy.ClientAffinity, "clientAffinity")]
    [InlineData(PoolPolicy.LeastConnections, "leastConnections")]
    public void Some_policies_are_beyond_the_kernel(PoolPolicy policy, string? named)
    {
        var refusal = KernelLimits.Refusal(new PoolDefinition { Id = new("pool"), Backends = [], Policy = policy });

        Assert.Equal(named is null, refusal is null);
        Assert.Contains(named ?? "", refusal ?? "", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.0.0.2", "10.0.0.2")]
    [InlineData("::ffff:10.0.0.2", "10.0.0.2")]
    [InlineData("2001:db8::2", "2001:db8::2")]
    [InlineData("127.77.0.1", null)]
    [InlineData("::1", null)]
    [InlineData("fe80::1%1", null)]
    [InlineData("spot-1.internal", null)]
    [InlineData("10.0.0.2; flush ruleset", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void A_backend_needs_an_address_that_a_rule_can_name(string? host, string? expected)
    {
        var refusal = KernelLimits.Refusal(new BackendId("spot-1"), host, out var address);

        Assert.Equal(expected is null, refusal is not null);
        Assert.Equal(expected ?? address.ToString(), address.ToString());
    }

    [Fact]
    public void The_machine_must_forward_each_family_that_clients_come_by()
    {
        var proc = Directory.CreateTempSubdirectory("ker").FullName;
        Directory.CreateDirectory(Path.Combine(proc, "ipv4"));
        File.WriteAllText(Path.Combine(proc, "ipv4", "ip_forward"), "1\n");

        Assert.Null(KernelLimits.Refusal([AddressFamily.InterNetwork], proc));
        Assert.Contains("sysctl -w net.ipv6.conf.all.forwarding=1 ", KernelLimits.Refusal([AddressFamily.InterNetwork, AddressFamily.InterNetworkV6], proc), StringComparison.Ordinal);
        Directory.Delete(proc, recursive: true);
    }

    [Fact]
    public void A_missing_right_is_explained() => Assert.Contains(
        "CAP_NET_ADMIN", KernelLimits.Explain("netlink: Error: cache initialization failed: Operation not permitted"), StringComparison.Ordinal);

    [Fact]
    public void Counters_are_found_in_what_nft_lists()
    {
        static string Counter(string name, int packets, int bytes) =>
            $$$"""{"counter":{"family":"inet","name":"{{{name}}}","table":"t","handle":1,"packets":{{{packets}}},"bytes":{{{bytes}}}}}""";
        string[] counters =
        [
            Counter("new_ssh", 1, 60), Counter("refused_ssh", 3, 180),
            Counter("in_ssh", 40, 4000), Counter("out_ssh", 50, 5000), Counter("new_git", 9, 9),
        ];
        using var list = JsonDocument.Parse($$"""{"nftables":[{"metainfo":{"version":"1.0.6"} },{{string.Join(',', counters)}}]}""");

        Assert.Equal(new LaneCounters(1, 3, 4000, 5000), LaneCounters.Find(list, "ssh"));
        Assert.Null(LaneCounters.Find(list, "git"));
    }
}
