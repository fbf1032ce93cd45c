using Sentinel.Backends;
using Sentinel.Recovery.Outages;
using Xunit.Abstractions;

namespace Sentinel.Recovery.Tests.Outages;

/// <summary>
/// Random outages under random faults. TEST_CASES in the environment sets how many worlds, TEST_SEED the first; each goes through
/// dozens of outages. A failure names its seed and tells what happened as a scenario.
/// </summary>
public sealed class RandomOutageTests(ITestOutputHelper output)
{
    private static readonly int Cases = int.Parse(Environment.GetEnvironmentVariable("TEST_CASES") ?? "500");
    private static readonly int Seed = int.Parse(Environment.GetEnvironmentVariable("TEST_SEED") ?? "0");

    [Fact]
    public void Nothing_forbidden_happens_and_all_serve_in_the_end()
    {
        var seen = new HashSet<BackendState>();
        var outages = 0L;
        Parallel.For(Seed, Seed + Cases, new ParallelOptions { MaxDegreeOfParallelism = 2 }, seed =>
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
                outages += world.Outages;
            }
        });
        output.WriteLine($"{Cases} worlds from seed {Seed}: {outages} outages");

        if (Cases >= 100)
        {
            Assert.Equal(Enum.GetValues<BackendState>().Order(), seen.Order());
        }
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
            "never waits" => ("after a refusal comes a wait", (state, e, policy) => OutageStep.Apply(state, e, policy with { BackoffInitial = TimeSpan.FromMilliseconds(1), BackoffMax = TimeSpan.FromMilliseconds(1) })),
            "gives up" => ("serves in the end", (state, e, policy) => GivingUp(OutageStep.Apply(state, e, policy))),
            "does not know its own stops" => ("our own stops are known as ours", (state, e, policy) => Forgetting(OutageStep.Apply(state, e, policy))),
            _ => ("what is down is not healthy", (state, e, policy) => Healing(OutageStep.Apply(state, e, policy))),
        };

        var caught = Enumerable.Range(0, 200).Select(seed => Record.Exception(() => new RandomWorld(seed, mutation.Step).Run(2000))).First(failure => failure is not null);

        Assert.Contains(mutation.Caught, caught!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_happened_in_a_world_is_a_scenario_that_ends_the_same()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var world = new RandomWorld(seed);
            world.Run(1000);
            var replayed = Transcript.StateAfter(world.Scenario("all is well"));

            var (state, again) = (world.State, replayed);
            Assert.Equal((state.Shown, state.Healthy, state.Reason, state.Since, state.LastTicket), (again.Shown, again.Healthy, again.Reason, again.Since, again.LastTicket));
            Assert.Equal(state.Recent, again.Recent);
            Assert.Equal(state.Outage?.Timeline ?? [], again.Outage?.Timeline ?? []);
        }
    }

    [Fact]
    public void A_failure_tells_its_seed_and_a_scenario_to_be_kept()
    {
        var failure = Enumerable.Range(0, 200).Select(seed => Record.Exception(() => new RandomWorld(seed, (state, e, policy) => GivingUp(OutageStep.Apply(state, e, policy))).Run(200))).First(failure => failure is not null)!;

        var scenario = failure.Message[failure.Message.IndexOf("# seed ", StringComparison.Ordinal)..];
        Assert.StartsWith("# seed ", scenario, StringComparison.Ordinal);
        Assert.Contains("\npolicy canStart=True", scenario, StringComparison.Ordinal);
        Assert.Equal(scenario, Transcript.Replay(scenario));
    }

    private static Decision GivingUp(Decision decision) => decision with { Effects = [.. decision.Effects.Where(effect => effect is not (StartInstance or FallBack or RecreateInstance))] };

    private static Decision Healing(Decision decision) => decision with { State = decision.State with { Healthy = decision.State.Healthy || decision.State.IsDown } };

    private static Decision Forgetting(Decision decision) => decision.State.Outage is { } outage
        ? decision with { State = decision.State with { Outage = outage with { StoppedByUs = null } } }
        : decision;
}
