using Sentinel.Recovery.Outages;
using Sentinel.Recovery.Simulation;

namespace Sentinel.Recovery.Tests.Simulations;

/// <summary>Months of outages in virtual time.</summary>
public sealed class SimulationTests
{
    private static readonly SimulationSettings Month = new() { Vms = 20, Zones = 2, Seed = 7 };

    [Fact]
    public void The_same_seed_tells_the_same_story() => Assert.Equal(Simulation.Simulation.Run(Month), Simulation.Simulation.Run(Month));

    [Fact]
    public void A_recorded_preemption_takes_what_the_cloud_takes_and_a_little()
    {
        var report = Simulation.Simulation.Run(new() { Vms = 1, PoolSize = 1, Span = TimeSpan.FromHours(1), Trace = [new(TimeSpan.FromMinutes(10), 0, TraceEvent.Preempted)] });

        // 30 s to stop, 11 s to start, 20 s to boot; what is looked at every second is seen within one.
        Assert.Equal((1, 1, 0), (report.Preemptions, report.Outages, report.DownAtEnd));
        Assert.InRange(report.WorstSeconds, 50, 66);
        Assert.InRange(report.VmAvailability, 0.98, 0.99);
        Assert.Equal(report.VmAvailability, report.PoolAvailability, 3);
        Assert.Equal(0, report.OnDemandHours);
    }

    [Fact]
    public void Without_capacity_it_waits_and_with_a_fallback_it_is_on_demand_until_there_is_spot_again()
    {
        var drought = new SimulationSettings
        {
            Vms = 1,
            PoolSize = 1,
            Span = TimeSpan.FromHours(12),
            Trace = [new(TimeSpan.FromMinutes(5), 0, TraceEvent.CapacityGone), new(TimeSpan.FromMinutes(10), 0, TraceEvent.Preempted), new(TimeSpan.FromMinutes(130), 0, TraceEvent.CapacityBack)],
        };
        var waits = Simulation.Simulation.Run(drought);
        var falls = Simulation.Simulation.Run(drought with { Policy = new() { Fallbacks = [new Fallback.OnDemand(TimeSpan.FromHours(8))] } });

        Assert.InRange(waits.WorstSeconds, 7200, 7600);
        Assert.InRange(falls.WorstSeconds, 60, 120);
        Assert.InRange(falls.OnDemandHours, 1.9, 4);
        Assert.Equal((0, 0), (waits.DownAtEnd, falls.DownAtEnd));
    }

    [Fact]
    public void A_storm_over_five_thousand_VMs_stays_under_the_ceiling()
    {
        var report = Simulation.Simulation.Run(new() { Vms = 5000, Zones = 3, Span = TimeSpan.FromDays(1), ZoneEventsPerWeek = 14, PreemptionsPerDay = 0.1 });

        // Watching: per zone 12 rounds a minute of four pages of instances and one of operations, and quick looks while something stops.
        Assert.InRange(report.Preemptions, 1000, 50_000);
        Assert.InRange(report.RequestsAtWorst, 3 * 12 * 5, 600 + (3 * 12 * 5) + (3 * 60 * 4));
        Assert.Equal(0, report.DownAtEnd);
    }

    [Fact]
    public void More_preemptions_mean_less_availability_and_pools_are_better_than_their_VMs()
    {
        var (few, many) = (Simulation.Simulation.Run(Month with { PreemptionsPerDay = 0.5 }), Simulation.Simulation.Run(Month with { PreemptionsPerDay = 8 }));

        Assert.True(few.VmAvailability > many.VmAvailability);
        Assert.True(many.PoolAvailability > many.VmAvailability);
    }
}
