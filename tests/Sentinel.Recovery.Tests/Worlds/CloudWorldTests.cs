using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Tests.Worlds;

/// <summary>
/// Random outages of VMs with disks, under one sentinel or two at once. TEST_WORLDS in the environment sets how many worlds;
/// TEST_SEED the first. A failure names its seed and tells what happened last.
/// </summary>
public sealed class CloudWorldTests
{
    private static readonly int Worlds = int.Parse(Environment.GetEnvironmentVariable("TEST_WORLDS") ?? "30");
    private static readonly int Seed = int.Parse(Environment.GetEnvironmentVariable("TEST_SEED") ?? "1");

    [Fact]
    public void Nothing_is_doubled_or_lost_and_all_serve_in_the_end()
    {
        Parallel.For(0, Worlds, new ParallelOptions { MaxDegreeOfParallelism = 2 }, i =>
        {
            using var world = new CloudWorld(Seed + i);
            try
            {
                world.Run(TimeSpan.FromMinutes(40));
            }
            catch (WorldViolationException e)
            {
                throw new InvalidOperationException($"seed {Seed + i}: {e.Message}", e);
            }
        });
    }

    public static TheoryData<string> Wrong => ["lets copies go with their VM", "does not look who holds a disk", "starts what a person stopped"];

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_is_wrong_is_caught(string wrong)
    {
        (string Caught, Action<CloudWorld> Twist) mutation = wrong switch
        {
            "lets copies go with their VM" => ("no disk is deleted", world => world.Forge = call => call.Body?.Contains("sourceSnapshot", StringComparison.Ordinal) == true
                ? world.Answer(call with { Body = call.Body.Replace("\"autoDelete\":false", "\"autoDelete\":true", StringComparison.Ordinal) }) : null),
            "does not look who holds a disk" => ("no disk is attached twice", world =>
            {
                world.Project.Trouble.AllowsTwoHolders = true;
                world.Forge = call => call.IsLookAtDisk ? CloudWorld.WithoutUsers(world.Answer(call)) : null;
            }
            ),
            _ => ("what a person stopped is not started", world => world.Step = (state, e, policy) => OutageStep.Apply(state, e, policy with { RestartWhenUserStopped = true })),
        };

        // Mostly one of the first hundred; the jitter of retries is not the seed's.
        var violation = Enumerable.Range(1, 3000).Select(seed =>
        {
            using var world = new CloudWorld(seed);
            mutation.Twist(world);
            return Record.Exception(() => world.Run(TimeSpan.FromMinutes(20)));
        }).First(failure => failure is WorldViolationException && failure.Message.StartsWith(mutation.Caught, StringComparison.Ordinal));

        Assert.NotNull(violation);
    }
}
