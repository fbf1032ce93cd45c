namespace Sentinel.Recovery.Simulation;

/// <summary>What came of a simulation.</summary>
public sealed record SimulationReport
{
    /// <summary>The share of the time in which a VM served, over all VMs.</summary>
    public required double VmAvailability { get; init; }

    /// <summary>The share of the time in which a pool had somebody who served, over all pools.</summary>
    public required double PoolAvailability { get; init; }

    /// <summary>Outages that were over by the end.</summary>
    public required int Outages { get; init; }

    /// <summary>Preemptions that happened.</summary>
    public required int Preemptions { get; init; }

    /// <summary>How long outages lasted, in seconds: half of them less than the first, and so on.</summary>
    public required double MedianSeconds { get; init; }

    /// <summary>See <see cref="MedianSeconds"/>.</summary>
    public required double P95Seconds { get; init; }

    /// <summary>See <see cref="MedianSeconds"/>.</summary>
    public required double P99Seconds { get; init; }

    /// <summary>The longest.</summary>
    public required double WorstSeconds { get; init; }

    /// <summary>Requests to the cloud in all, watching included.</summary>
    public required long Requests { get; init; }

    /// <summary>Requests in the worst minute.</summary>
    public required int RequestsAtWorst { get; init; }

    /// <summary>Hours that VMs ran at all.</summary>
    public required double VmHours { get; init; }

    /// <summary>Those of them on demand.</summary>
    public required double OnDemandHours { get; init; }

    /// <summary>VMs that did not serve at the end.</summary>
    public required int DownAtEnd { get; init; }
}
