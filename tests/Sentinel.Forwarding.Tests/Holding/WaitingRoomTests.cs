using Sentinel.Backends;
using Sentinel.Forwarding.Holding;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Holding;

public sealed class WaitingRoomTests : IDisposable
{
    private static readonly PoolId Pool = new("pool");

    private readonly ManualTimeProvider _time = new();
    private readonly PoolTable _pools;
    private readonly WaitingRoom _room;
    private readonly List<string> _out = [];
    private readonly List<(string Outcome, TimeSpan Stay)> _measured = [];

    public WaitingRoomTests()
    {
        _pools = new(_time);
        _pools.Configure(
            [new() { Id = new("a"), Address = "192.0.2.1", Priority = 0 }, new() { Id = new("b"), Address = "192.0.2.2", Priority = 1 }],
            [new() { Id = Pool, Backends = [new("a"), new("b")] }]);
        _room = new(_pools, _time, limit: 5, perSecond: 10, (outcome, stay) => _measured.Add((outcome, stay)));
    }

    [Fact]
    public void TheyLeaveInOrderOfArrivalAtTheRate()
    {
        EnterAll("1", "2", "3", "4");
        Assert.Empty(_out);

        Report("a", healthy: true);
        Assert.Equal(["1:a"], _out);
        Advance(99);
        Assert.Equal(["1:a"], _out);
        Advance(1);
        Assert.Equal(["1:a", "2:a"], _out);
        Advance(200);
        Assert.Equal(["1:a", "2:a", "3:a", "4:a"], _out);
        Assert.Equal(0, _room.Count);
    }

    [Fact]
    public void AFewLeaveTogetherWhenTheRateIsHigh()
    {
        _room.Configure(limit: 5, perSecond: 40);
        EnterAll("1", "2", "3", "4", "5");

        Report("a", healthy: true);
        Assert.Equal(4, _out.Count);
        Advance(25);
        Assert.Equal(5, _out.Count);
    }

    [Fact]
    public void EachGoesToWhoeverIsActiveWhenItLeaves()
    {
        EnterAll("1", "2", "3");

        Report("a", healthy: true);
        Report("a", healthy: false);
        Advance(1000);
        Report("b", healthy: true);
        Advance(1000);

        Assert.Equal(["1:a", "2:b", "3:b"], _out);
    }

    [Fact]
    public void WhoWaitedLongEnoughLeavesWithNothing()
    {
        Enter("1", hold: 10);
        Advance(2000);
        Enter("2", hold: 5);
        Advance(4999);
        Assert.Empty(_out);
        Advance(1);
        Assert.Equal(["2:-"], _out);
        Advance(3000);

        Assert.Equal(["2:-", "1:-"], _out);
        Assert.Equal([("expired", TimeSpan.FromSeconds(5)), ("expired", TimeSpan.FromSeconds(10))], _measured);
        Assert.Equal(0, _time.PendingTimers);
    }

    [Fact]
    public void OneMoreThanTheLimitIsRefused()
    {
        EnterAll("1", "2", "3", "4", "5");

        Assert.Equal(Entry.Full, _room.Enter(New("6")));
        Assert.Equal(5, _room.Count);
    }

    [Fact]
    public void WhoMayNotWaitOrHasWaitedIsTooLate()
    {
        Assert.Equal(Entry.TooLate, _room.Enter(New("1", hold: 0)));
        var early = New("2", hold: 10);
        Advance(10_000);
        Assert.Equal(Entry.TooLate, _room.Enter(early));
    }

    [Fact]
    public void WhoLeavesIsNotCalledBack()
    {
        var first = Enter("1");
        Enter("2");
        Advance(500);

        Assert.True(_room.Leave(first));
        Assert.False(_room.Leave(first));
        Report("a", healthy: true);

        Assert.Equal(["2:a"], _out);
        Assert.Equal(("left", TimeSpan.FromMilliseconds(500)), _measured[0]);
    }

    [Fact]
    public void WhoComesBackKeepsHisPlaceAndHisDeadline()
    {
        var first = Enter("1", hold: 10);
        Advance(1000);
        EnterAll("2");
        Report("a", healthy: true);
        Assert.Equal(["1:a"], _out);
        Report("a", healthy: false);

        Assert.Equal(Entry.Waiting, _room.Enter(first, exhausted: null));
        Report("a", healthy: true);
        Advance(100);
        Assert.Equal(["1:a", "1:a"], _out);

        Report("a", healthy: false);
        Assert.Equal(Entry.Waiting, _room.Enter(first));
        Advance(8900);
        Assert.Equal(["1:a", "1:a", "1:-"], _out);
    }

    [Fact]
    public void WhoReachedNobodyTriesAgainAfterAWhile()
    {
        Report("a", healthy: true);
        var first = New("1");

        Assert.Equal(Entry.Waiting, _room.Enter(first, _pools.Current.Pools[Pool]));
        Advance(249);
        Assert.Empty(_out);
        Advance(1);
        Assert.Equal(["1:a"], _out);
    }

    [Fact]
    public void WhoReachedNobodyTriesAgainAtNewsOfThePool()
    {
        Report("a", healthy: true);
        Assert.Equal(Entry.Waiting, _room.Enter(New("1"), _pools.Current.Pools[Pool]));

        Report("b", healthy: true);

        Assert.Equal(["1:a"], _out);
    }

    [Fact]
    public void NewsThatCameMeanwhileIsNotMissed()
    {
        Report("a", healthy: true);
        var stale = _pools.Current.Pools[Pool];
        Report("a", healthy: false);
        Report("b", healthy: true);

        Assert.Equal(Entry.Waiting, _room.Enter(New("1"), stale));

        Assert.Equal(["1:b"], _out);
    }

    [Fact]
    public void APoolThatIsGoneKeepsThemUntilTheirTimeIsOver()
    {
        Enter("1", hold: 10);
        _pools.Configure([], []);
        Advance(10_000);

        Assert.Equal(["1:-"], _out);
    }

    [Fact]
    public async Task ATaskGetsItsBackend()
    {
        var stay = _room.WaitAsync(Pool, default, _time.GetTimestamp(), TimeSpan.FromSeconds(10), exhausted: null, CancellationToken.None);
        Report("b", healthy: true);

        var (backend, entry) = await stay;
        Assert.Equal((new BackendId("b"), Entry.Waiting), (backend!.Id, entry));
    }

    [Fact]
    public async Task ATaskThatIsCancelledLeaves()
    {
        using var cancel = new CancellationTokenSource();
        var stay = _room.WaitAsync(Pool, default, _time.GetTimestamp(), TimeSpan.FromSeconds(10), exhausted: null, cancel.Token).AsTask();
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stay);
        Assert.Equal(0, _room.Count);
    }

    [Fact]
    public async Task ATaskIsToldThatItsTimeIsOver()
    {
        var stay = _room.WaitAsync(Pool, default, _time.GetTimestamp(), TimeSpan.FromSeconds(10), exhausted: null, CancellationToken.None);
        Advance(10_000);

        Assert.Equal((null, Entry.TooLate), await stay);
    }

    [Fact]
    public async Task ManyComeAndGoAtOnceAndEachIsCalledBackOnce()
    {
        using var pools = new PoolTable(TimeProvider.System);
        pools.Configure([new() { Id = new("a"), Address = "192.0.2.1" }], [new() { Id = Pool, Backends = [new("a")] }]);
        using var room = new WaitingRoom(pools, TimeProvider.System, limit: int.MaxValue, perSecond: 1_000_000, (_, _) => { });
        var waiters = Enumerable.Range(0, 4000).Select(i => new CountingWaiter(i)).ToArray();
        using var stop = new CancellationTokenSource();
        var flapping = Task.Run(() =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                pools.Report(new("a"), new(BackendState.Serving, i % 2 == 0, DateTimeOffset.MinValue, ""));
            }

            pools.Report(new("a"), new(BackendState.Serving, true, DateTimeOffset.MinValue, ""));
        });

        await Parallel.ForEachAsync(waiters, (waiter, _) =>
        {
            Assert.Equal(Entry.Waiting, room.Enter(waiter));
            if (waiter.Number % 3 == 0 && room.Leave(waiter))
            {
                waiter.Left();
            }

            return ValueTask.CompletedTask;
        });
        await stop.CancelAsync();
        await flapping;
        await Eventually.TrueAsync(() => room.Count == 0);

        await Eventually.TrueAsync(() => waiters.All(waiter => waiter.Calls == 1));
    }

    public void Dispose()
    {
        _room.Dispose();
        _pools.Dispose();
    }

    private void Report(string name, bool healthy) =>
        _pools.Report(new(name), new(BackendState.Serving, healthy, DateTimeOffset.MinValue, ""));

    private void Advance(int milliseconds) => _time.Advance(TimeSpan.FromMilliseconds(milliseconds));

    private void EnterAll(params string[] names)
    {
        foreach (var name in names)
        {
            Enter(name);
        }
    }

    private TestWaiter Enter(string name, int hold = 60)
    {
        var waiter = New(name, hold);
        Assert.Equal(Entry.Waiting, _room.Enter(waiter));
        return waiter;
    }

    private TestWaiter New(string name, int hold = 60) => new(name, _out, _time.GetTimestamp(), TimeSpan.FromSeconds(hold));

    private sealed class TestWaiter(string name, List<string> calls, long since, TimeSpan hold) : Waiter(WaitingRoomTests.Pool, default, since, hold)
    {
        public override void Released(Backend backend) => calls.Add($"{name}:{backend.Id}");

        public override void Expired() => calls.Add($"{name}:-");
    }

    private sealed class CountingWaiter(int number) : Waiter(WaitingRoomTests.Pool, default, TimeProvider.System.GetTimestamp(), TimeSpan.FromHours(1))
    {
        private int _calls;

        public int Number => number;

        public int Calls => Volatile.Read(ref _calls);

        public override void Released(Backend backend) => Interlocked.Increment(ref _calls);

        public override void Expired() => Interlocked.Increment(ref _calls);

        public void Left() => Interlocked.Increment(ref _calls);
    }
}
