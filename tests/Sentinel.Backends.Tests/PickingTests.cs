using System.Net;
using Sentinel.Testing;

namespace Sentinel.Backends.Tests;

public sealed class PickingTests
{
    private static readonly PoolId Id = new("pool");

    [Fact]
    public void Round_robin_alternates_between_equals()
    {
        var pool = Make(PoolPolicy.RoundRobin, ("a", 100), ("b", 100), ("c", 100));

        Assert.Equal("abcabcabc", string.Concat(Enumerable.Range(0, 9).Select(_ => pool.Pick(default)!.Id.Name)));
    }

    [Fact]
    public void Round_robin_interleaves_by_weight()
    {
        var pool = Make(PoolPolicy.RoundRobin, ("a", 5), ("b", 1), ("c", 1));

        Assert.Equal("aabacaa", string.Concat(Enumerable.Range(0, 7).Select(_ => pool.Pick(default)!.Id.Name)));
    }

    [Fact]
    public void Least_connections_counts_by_weight()
    {
        var pool = Make(PoolPolicy.LeastConnections, ("a", 300), ("b", 100));
        for (var i = 0; i < 40; i++)
        {
            pool.Pick(default)!.Load.Enter();
        }

        Assert.Equal([30, 10], pool.Members.Select(member => member.Load.Connections));
    }

    [Fact]
    public void Least_connections_shares_among_idle_equals()
    {
        var pool = Make(PoolPolicy.LeastConnections, ("a", 1), ("b", 1));

        Assert.Equal(2, Enumerable.Range(0, 4).Select(_ => pool.Pick(default)!.Id).Distinct().Count());
    }

    [Fact]
    public void Affinity_keeps_a_client_and_losing_a_backend_moves_only_its_own()
    {
        var before = Make(PoolPolicy.ClientAffinity, ("a", 100), ("b", 100), ("c", 100));
        var after = Make(PoolPolicy.ClientAffinity, ("a", 100), ("c", 100));
        var clients = Enumerable.Range(0, 3000).Select(i => ClientAddress.OfV4((uint)(0x0a000000 + i))).ToArray();

        Assert.All(clients, client => Assert.Equal(before.Pick(client)!.Id, before.Pick(client)!.Id));
        Assert.All(
            clients.Where(client => before.Pick(client)!.Id.Name != "b"),
            client => Assert.Equal(before.Pick(client)!.Id, after.Pick(client)!.Id));
    }

    [Fact]
    public void Affinity_spreads_clients_by_weight()
    {
        var pool = Make(PoolPolicy.ClientAffinity, ("a", 300), ("b", 100));
        var shares = Enumerable.Range(0, 4000).CountBy(i => pool.Pick(ClientAddress.OfV4((uint)i))!.Id.Name).ToDictionary();

        Assert.InRange(shares["a"], 2850, 3150);
    }

    /// <summary>Sentinels of different versions must agree: these picks may never change.</summary>
    [Theory]
    [InlineData("192.0.2.1", "spot-1")]
    [InlineData("192.0.2.2", "spot-3")]
    [InlineData("198.51.100.77", "spot-1")]
    [InlineData("2001:db8:1:2::7", "spot-3")]
    [InlineData("2001:db8:ffff::1", "spot-2")]
    public void Affinity_is_the_same_on_every_sentinel(string client, string backend)
    {
        var pool = Make(PoolPolicy.ClientAffinity, ("spot-1", 100), ("spot-2", 100), ("spot-3", 100));

        Assert.Equal(backend, pool.Pick(ClientAddress.Of(IPAddress.Parse(client)))!.Id.Name);
    }

    [Theory]
    [InlineData("192.0.2.1", "::ffff:192.0.2.1", true)]
    [InlineData("2001:db8:1:2::7", "2001:db8:1:2:ffff::9", true)]
    [InlineData("2001:db8:1:2::7", "2001:db8:1:3::7", false)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    [InlineData("0.0.0.1", "::1", false)]
    public void A_client_is_an_IPv4_address_or_an_IPv6_network(string one, string other, bool same) =>
        Assert.Equal(same, ClientAddress.Of(IPAddress.Parse(one)) == ClientAddress.Of(IPAddress.Parse(other)));

    private static Pool Make(PoolPolicy policy, params (string Name, int Weight)[] backends)
    {
        var time = new ManualTimeProvider();
        using var table = new PoolTable(time);
        table.Configure(
            [.. backends.Select(backend => new BackendDefinition { Id = new(backend.Name), Address = "127.0.0.1", Weight = backend.Weight })],
            [new() { Id = Id, Backends = [.. backends.Select(backend => new BackendId(backend.Name))], Policy = policy }]);
        foreach (var (name, _) in backends)
        {
            table.Report(new(name), new(BackendState.Serving, true, time.GetUtcNow(), "test"));
        }

        return table.Current.Pools[Id];
    }
}
