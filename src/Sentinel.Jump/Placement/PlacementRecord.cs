using Sentinel.Backends;

namespace Sentinel.Jump.Placement;

/// <summary>One user's placement as it is kept.</summary>
internal sealed record PlacementRecord
{
    /// <summary>Where to.</summary>
    public required BackendId Backend { get; init; }

    /// <summary>Since when.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Whether an operator named the backend.</summary>
    public bool IsByHand { get; init; }

    /// <summary>Whether the operator's program has made him there, or there is none to.</summary>
    public bool IsProvisioned { get; init; }

    /// <summary>Where he is at home until he is made at <see cref="Backend"/>; null: there, for want of another.</summary>
    public BackendId? From { get; init; }

    /// <summary>Where he is at home, if that is still there; else the next.</summary>
    public IEnumerable<BackendId> Homes => !IsProvisioned && From is { } from ? [from, Backend] : [Backend];
}
