namespace Sentinel.Recovery.Tests.Worlds;

/// <summary>
/// Random outages of VMs with disks, under one sentinel or two at once. TEST_WORLDS in the environment sets how many worlds;
/// TEST_SEED the first. A failure names its seed and tells what happened last.
/// </summary>
public sealed class CloudWorldTests
{
    private static readonly int Worlds = int.Parse(Environment.GetEnvironmentVariable("TEST_WORLDS") ?? "60");
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
}
