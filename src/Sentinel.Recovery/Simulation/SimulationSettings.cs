using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Simulation;

/// <summary>What is simulated. The defaults are those of a small spot VM on Compute Engine.</summary>
public sealed record SimulationSettings
{
    /// <summary>How many VMs, spread evenly over <see cref="Zones"/>.</summary>
    public int Vms { get; init; } = 2;

    /// <summary>VMs in one pool: it serves while one of them does.</summary>
    public int PoolSize { get; init; } = 2;

    /// <summary>How many zones.</summary>
    public int Zones { get; init; } = 1;

    /// <summary>How long, in virtual time.</summary>
    public TimeSpan Span { get; init; } = TimeSpan.FromDays(30);

    /// <summary>The same seed gives the same course of events.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Of one VM, on average; more by day than by night.</summary>
    public double PreemptionsPerDay { get; init; } = 1;

    /// <summary>In one zone, on average; each takes half of the zone's VMs within a minute.</summary>
    public double ZoneEventsPerWeek { get; init; } = 0.5;

    /// <summary>In one zone, on average: nothing starts there as a spot VM.</summary>
    public double DroughtsPerWeek { get; init; } = 0.5;

    /// <summary>How long a drought lasts on average.</summary>
    public TimeSpan Drought { get; init; } = TimeSpan.FromMinutes(45);

    /// <summary>What happened somewhere, in place of what is made up; empty: nothing is known.</summary>
    public IReadOnlyList<TraceEntry> Trace { get; init; } = [];

    /// <summary>How outages are handled.</summary>
    public OutagePolicy Policy { get; init; } = new();

    /// <summary>From one look at a zone to the next.</summary>
    public TimeSpan WatchInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The ceiling on requests.</summary>
    public int RequestsPerMinute { get; init; } = 600;

    /// <summary>From a preemption to a VM that is off.</summary>
    public TimeSpan Stop { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>From an accepted start to a VM that runs, or to the news that there is no capacity.</summary>
    public TimeSpan Provision { get; init; } = TimeSpan.FromSeconds(11);

    /// <summary>From a VM that runs to one that answers.</summary>
    public TimeSpan Boot { get; init; } = TimeSpan.FromSeconds(20);
}

/// <summary>One line of a recorded trace.</summary>
/// <param name="At">Since the beginning of the trace.</param>
/// <param name="Subject">A VM by its number from zero, or a zone by its.</param>
/// <param name="What">What happened to it.</param>
public readonly record struct TraceEntry(TimeSpan At, int Subject, TraceEvent What);

/// <summary>What a trace tells.</summary>
public enum TraceEvent
{
    /// <summary>The VM was preempted.</summary>
    Preempted,

    /// <summary>The zone has no more spot capacity.</summary>
    CapacityGone,

    /// <summary>The zone has spot capacity again.</summary>
    CapacityBack,
}
