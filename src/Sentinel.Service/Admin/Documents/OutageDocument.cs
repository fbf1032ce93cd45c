using Sentinel.Recovery.Recording;

namespace Sentinel.Service.Admin.Documents;

/// <summary>What <c>GET /outages</c> answers, the latest first.</summary>
internal sealed record OutagesDocument(IReadOnlyList<OutageDocument> Outages);

/// <summary>One outage as the flight recorder kept it.</summary>
internal sealed record OutageDocument
{
    public required string Id { get; init; }

    public required string Backend { get; init; }

    public required string Cause { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>Null while it lasts.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>How long it took, or has taken so far.</summary>
    public double Seconds { get; init; }

    /// <summary>Starts that were tried.</summary>
    public int Attempts { get; init; }

    /// <summary>Requests to the cloud that were made for it.</summary>
    public int Calls { get; init; }

    /// <summary>Where the time went.</summary>
    public OutageDurations Durations { get; init; } = new();

    /// <summary>Connections and requests that had to wait meanwhile, and what became of them; null if none had to.</summary>
    public OutageWaits? Waits { get; init; }

    /// <summary>What the VM cost while it lasted; null where no prices are configured.</summary>
    public CostDocument? Cost { get; init; }

    /// <summary>In the order of events.</summary>
    public IReadOnlyList<OutageMomentDocument> Timeline { get; init; } = [];

    /// <summary>How many moments of a long timeline were left out of its middle.</summary>
    public int Omitted { get; init; }
}

/// <summary>One thing that happened during an outage.</summary>
/// <param name="At">When.</param>
/// <param name="What">Stable name, such as <c>start_requested</c>.</param>
/// <param name="Source">Who told, such as <c>probe</c>.</param>
/// <param name="Detail">For people.</param>
internal sealed record OutageMomentDocument(DateTimeOffset At, string What, string Source, string Detail);
