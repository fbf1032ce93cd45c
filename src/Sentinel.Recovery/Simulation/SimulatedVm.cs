using Sentinel.Backends;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Simulation;

/// <summary>One VM of a simulation, and what the step knows of it.</summary>
internal sealed class SimulatedVm(int number, int zone, int pool, DateTimeOffset start)
{
    public int Number => number;

    public int Zone => zone;

    public int Pool => pool;

    public OutageState State { get; set; } = OutageStep.Begin(new BackendId($"vm-{number}"), start).State;

    public bool Runs { get; set; } = true;

    public bool IsOnDemand { get; set; }

    public long Run { get; set; } = 1;

    public DateTimeOffset RunsSince { get; set; } = start;

    /// <summary>Where it is at a given time counts for its pool.</summary>
    public bool Served { get; set; }

    public DateTimeOffset ServedSince { get; set; }

    /// <summary>The tick that is arranged; null: none.</summary>
    public DateTimeOffset? Due { get; set; }
}
