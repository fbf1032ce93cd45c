using Sentinel.Backends;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Tests.Outages;

/// <summary>
/// Random outages under random faults. TEST_CASES in the environment sets how many worlds; each goes through hundreds of
/// outages. A failure names its seed and tells what happened last.
/// </summary>
public sealed class RandomOutageTests
{
    private static readonly int Cases = int.Parse(Environment.GetEnvironmentVariable("TEST_CASES") ?? "500");

    [Fact]
    public void Nothing_forbidden_happens_and_all_serve_in_the_end()
    {
        var seen = new HashSet<BackendState>();
        Parallel.For(0, Cases, new ParallelOptions { MaxDegreeOfParallelism = 2 }, seed =>
        {
            var world = new RandomWorld(seed);
            try
            {
                world.Run(2000);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
            }

            lock (seen)
            {
                seen.UnionWith(world.Seen);
            }
        });

        Assert.Equal(Enum.GetValues<BackendState>().Order(), seen.Order());
    }

    public static TheoryData<string> Wrong => ["starts what a person stopped", "asks twice at once", "never waits", "gives up", "counts a VM that is down as healthy", "does not know its own stops"];

    [Theory]
    [MemberData(nameof(Wrong))]
    public void A_step_that_is_wrong_is_caught(string wrong)
    {
        (string Caught, RandomWorld.Step Step) mutation = wrong switch
        {
            "starts what a person stopped" => ("what a person stopped is", (state, e, policy) => OutageStep.Apply(state, e, policy with { RestartWhenUserStopped = true })),
            "asks twice at once" => ("one request at a time", (state, e, policy) => OutageStep.Apply(state with { Pending = null }, e, policy)),
            "never waits" => ("starts never storm", (state, e, policy) => OutageStep.Apply(state, e, policy with { BackoffInitial = TimeSpan.FromMilliseconds(1), BackoffMax = TimeSpan.FromMilliseconds(1) })),
            "gives up" => ("serves in the end", (state, e, policy) => GivingUp(OutageStep.Apply(state, e, policy))),
            "does not know its own stops" => ("our own stops are known as ours", (state, e, policy) => Forgetting(OutageStep.Apply(state, e, policy))),
            _ => ("what is down is not healthy", (state, e, policy) => Healing(OutageStep.Apply(state, e, policy))),
        };

        var caught = Enumerable.Range(0, 200).Select(seed => Record.Exception(() => new RandomWorld(seed, mutation.Step).Run(2000))).First(failure => failure is not null);

        Assert.Contains(mutation.Caught, caught!.Message, StringComparison.Ordinal);
    }

    private static Decision GivingUp(Decision decision) => decision with { Effects = [.. decision.Effects.Where(effect => effect is not (StartInstance or FallBack or RecreateInstance))] };

    private static Decision Healing(Decision decision) => decision with { State = decision.State with { Healthy = decision.State.Healthy || decision.State.IsDown } };

    private static Decision Forgetting(Decision decision) => decision.State.Outage is { } outage
        ? decision with { State = decision.State with { Outage = outage with { StoppedByUs = null } } }
        : decision;
}
