using Sentinel.Testing;

namespace Sentinel.Recovery.Tests;

public sealed class SteadyClockTests
{
    private readonly ManualTimeProvider _time = new();

    [Fact]
    public void It_runs_with_the_wall_clock()
    {
        var clock = new SteadyClock(_time);
        _time.Advance(TimeSpan.FromHours(5));

        Assert.Equal(_time.GetUtcNow(), clock.Now);
        Assert.Equal(TimeSpan.Zero, clock.Follow());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void It_notices_that_the_wall_clock_was_set_only_when_it_is_asked_to_follow(int hours)
    {
        var clock = new SteadyClock(_time);
        var before = clock.Now;
        _time.Jump(TimeSpan.FromHours(hours));

        Assert.Equal(before, clock.Now);
        Assert.Equal(TimeSpan.FromHours(hours), clock.Follow());
        Assert.Equal(_time.GetUtcNow(), clock.Now);
        Assert.Equal(TimeSpan.Zero, clock.Follow());
    }

    [Fact]
    public void A_little_is_no_step()
    {
        var clock = new SteadyClock(_time);
        _time.Jump(TimeSpan.FromMilliseconds(300));

        Assert.Equal(TimeSpan.Zero, clock.Follow());
    }
}
