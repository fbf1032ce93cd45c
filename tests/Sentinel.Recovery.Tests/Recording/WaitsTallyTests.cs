using Sentinel.Backends;
using Sentinel.Recovery.Outages;
using Sentinel.Recovery.Recording;
using Sentinel.Testing;

namespace Sentinel.Recovery.Tests.Recording;

public sealed class WaitsTallyTests
{
    private static readonly OutageRecord Open = new() { Id = "1", Backend = "a", Cause = OutageCause.Preempted, OpenedAt = DateTimeOffset.UnixEpoch };

    [Fact]
    public void Who_came_before_it_was_noticed_counts_and_who_is_served_after_the_end_is_told_late()
    {
        using var pools = new PoolTable(new ManualTimeProvider());
        pools.Configure([new() { Id = new("a"), Address = "127.0.0.1" }], [new() { Id = new("web"), Backends = [new("a")] }, new() { Id = new("other"), Backends = [] }]);
        var (web, other) = (pools.Current.Pools[new("web")].Waits, pools.Current.Pools[new("other")].Waits);
        var tally = new WaitsTally(pools, new("a"), null);
        web.Count(new(5, Served: 3));
        other.Count(new(7));

        tally.Begin();
        web.Count(new(2, Refused: 1));
        Assert.Equal(new OutageWaits(4, 0, 0, 0, 1), tally.Fill(Open).Waits);
        Assert.False(tally.IsSettling);

        web.Count(new(0, Served: 2));
        Assert.Equal(new OutageWaits(4, 2, 0, 0, 1), tally.Fill(Open with { ClosedAt = DateTimeOffset.UnixEpoch }).Waits);
        Assert.True(tally.IsSettling);
        Assert.Null(tally.News());

        web.Count(new(0, Served: 1, Expired: 1));
        Assert.Equal(new OutageWaits(4, 3, 1, 0, 1), tally.News()!.Waits);
        Assert.False(tally.IsSettling);
    }

    [Fact]
    public void What_an_earlier_daemon_saw_of_the_same_outage_is_kept()
    {
        using var pools = new PoolTable(new ManualTimeProvider());
        pools.Configure([new() { Id = new("a"), Address = "127.0.0.1" }], [new() { Id = new("web"), Backends = [new("a")] }]);
        var tally = new WaitsTally(pools, new("a"), Open with { Waits = new(4, 1, 0, 3, 0) });

        pools.Current.Pools[new("web")].Waits.Count(new(1, Served: 1));

        Assert.Equal(new OutageWaits(5, 2, 0, 3, 0), tally.Fill(Open).Waits);
    }
}
