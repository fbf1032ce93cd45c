using Sentinel.Forwarding.Relay.Splice;

namespace Sentinel.Forwarding.Tests.Splice;

public sealed class TimerWheelTests
{
    private readonly SlotTable _slots = new();
    private readonly TimerWheel _wheel;

    public TimerWheelTests() => _wheel = new(_slots);

    [Fact]
    public void DeadlinesAreMetInTheirTick()
    {
        var (soon, late, far) = (_slots.Take(), _slots.Take(), _slots.Take());
        _wheel.Arm(soon, 3);
        _wheel.Arm(late, 40);
        _wheel.Arm(far, 5000);

        Assert.Empty(Turn(2));
        Assert.Equal([soon], Turn(3));
        Assert.Equal([late], Turn(100));
        Assert.Empty(Turn(4999));
        Assert.Equal([far], Turn(5000));
        Assert.Empty(Turn(20_000));
    }

    [Fact]
    public void ALongSleepForgetsNoDeadline()
    {
        var slots = Enumerable.Range(1, 300).Select(i =>
        {
            var slot = _slots.Take();
            _wheel.Arm(slot, i * 7);
            return slot;
        }).ToArray();

        Assert.Equal(slots, Turn(100_000).Order());
    }

    [Fact]
    public void ADisarmedDeadlineIsNotMetAndANewOneReplacesTheOld()
    {
        var (gone, moved, neighbour) = (_slots.Take(), _slots.Take(), _slots.Take());
        _wheel.Arm(gone, 5);
        _wheel.Arm(moved, 5);
        _wheel.Arm(neighbour, 5);
        _wheel.Disarm(gone);
        _wheel.Arm(moved, 9);

        Assert.Equal([neighbour], Turn(5));
        Assert.Equal([moved], Turn(9));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(200)]
    public void TheLoopSleepsUntilTheNextDeadlineAndNoLonger(int ticks)
    {
        Assert.Equal(1000, _wheel.UntilNext(1000));
        Turn(1000);
        _wheel.Arm(_slots.Take(), ticks);

        Assert.Equal(ticks, _wheel.UntilNext(1000));
        Assert.Equal(Math.Min(ticks, 30), _wheel.UntilNext(30));
    }

    [Fact]
    public void ASlotThatIsUsedAgainHasANewGeneration()
    {
        var first = _slots.Take();
        var generation = _slots[first].Generation;
        _slots.Return(first);

        Assert.Equal(first, _slots.Take());
        Assert.NotEqual(generation, _slots[first].Generation);
        Assert.NotEqual(0u, _slots[first].Generation);
    }

    private List<int> Turn(long now)
    {
        var due = new List<int>();
        _wheel.Now = now;
        _wheel.Turn(due);
        return due;
    }
}
