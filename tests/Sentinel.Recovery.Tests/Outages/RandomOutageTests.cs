using Sentinel.Backends;

namespace Sentinel.Recovery.Tests.Outages;

public sealed class RandomOutageTests
{
    /// <summary>A million events; a failure names its seed.</summary>
    [Fact]
    public void Nothing_forbidden_happens_and_all_serve_in_the_end()
    {
        var seen = new HashSet<BackendState>();
        Parallel.For(0, 500, new ParallelOptions { MaxDegreeOfParallelism = 2 }, seed =>
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

        // Recreating belongs to clouds whose VMs can be gone.
        Assert.Equal(Enum.GetValues<BackendState>().Except([BackendState.Recreating]).Order(), seen.Order());
    }
}
