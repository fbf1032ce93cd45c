using Sentinel.Recovery.Outages;
using Sentinel.Testing.FakeGce;

namespace Sentinel.Recovery.Tests.Worlds;

/// <summary>
/// Whole outages in which the daemon is killed at one point, for each point there is: before and after each record and each
/// description is written, before each effect, before and after each request that changes something reaches the cloud.
/// </summary>
public sealed class KilledAtEveryLineTests
{
    public static TheoryData<string> Outages => ["restart", "machine type", "deleted", "deleted with data", "regional move", "copies", "copies, and home again", "on demand", "hung"];

    [Theory]
    [MemberData(nameof(Outages))]
    public void It_goes_on_and_doubles_nothing(string outage)
    {
        var points = Play(outage, killAt: 0);
        Assert.InRange(points, 8, 400);
        for (var point = 1; point <= points; point++)
        {
            Play(outage, point);
        }
    }

    /// <returns>At how many points it might have been killed.</returns>
    private static int Play(string outage, int killAt)
    {
        using var world = new CloudWorld(1, ShapeOf(outage), isCalm: true) { KillAt = killAt };
        world.Begin();
        world.UntilServing(TimeSpan.FromMinutes(5));
        var zone = world.Sentinels[0].Place;
        world.Project.Trouble.Starving = (where, type, model) => IsStarving(outage, where, type, model) ? OperationFault.NoCapacity(where) : null;
        if (outage == "hung")
        {
            world.Hang();
        }
        else
        {
            world.Project.Preempt(zone, CloudWorldShape.Vm.Name);
        }

        world.Pass(TimeSpan.FromMinutes(4));
        world.Project.Trouble.Starving = (_, _, _) => null;
        world.Pass(TimeSpan.FromMinutes(3));
        world.UntilServing(TimeSpan.FromHours(1));

        // once more, whatever it is by now
        world.Project.Preempt(world.Sentinels[0].Place, CloudWorldShape.Vm.Name);
        world.Pass(TimeSpan.FromMinutes(3));
        world.UntilServing(TimeSpan.FromHours(1));
        return world.Points;
    }

    private static CloudWorldShape ShapeOf(string outage)
    {
        var policy = new OutagePolicy { CanStart = true, Recreate = new(), HealthyAfter = 1, UnhealthyAfter = 2, HungAfter = TimeSpan.FromMinutes(1), FlapCount = 0 };
        return new()
        {
            HasData = outage is "deleted with data" or "copies" or "regional move",
            IsRegional = outage == "regional move",
            IsDeleted = outage.StartsWith("deleted", StringComparison.Ordinal),
            Policy = policy with
            {
                Fallbacks = outage switch
                {
                    "machine type" => [new Fallback.OtherMachine("n2-highmem-8")],
                    "regional move" => [new Fallback.OtherZone(CloudWorldShape.Beside, FromSnapshot: false)],
                    "copies" or "copies, and home again" => [new Fallback.OtherZone(CloudWorldShape.Beside, FromSnapshot: true)],
                    "on demand" => [new Fallback.OnDemand(TimeSpan.FromMinutes(1))],
                    _ => [],
                },
            },
        };
    }

    private static bool IsStarving(string outage, string zone, string type, string model) => outage switch
    {
        "machine type" => type == "e2-small",
        "on demand" => model == "SPOT",
        "regional move" or "copies" => zone == CloudWorldShape.Home,
        "copies, and home again" => true,
        _ => false,
    };
}
