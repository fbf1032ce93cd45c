using Sentinel.Backends.Progress;
using Sentinel.Testing;

namespace Sentinel.Backends.Tests;

public sealed class LoopRegistryTests
{
    [Fact]
    public void A_loop_is_stuck_once_it_has_been_silent_for_too_long()
    {
        var time = new ManualTimeProvider();
        var registry = new LoopRegistry(time);
        using var quick = registry.Add("quick", TimeSpan.FromSeconds(5));
        using var slow = registry.Add("slow", TimeSpan.FromSeconds(50));

        time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(["quick"], registry.Stuck());

        quick.Beat();
        Assert.Empty(registry.Stuck());
    }

    [Fact]
    public void A_loop_that_ended_on_purpose_is_not_missed()
    {
        var time = new ManualTimeProvider();
        var registry = new LoopRegistry(time);
        registry.Add("gone").Dispose();

        time.Advance(TimeSpan.FromHours(1));

        Assert.Empty(registry.Stuck());
    }
}
