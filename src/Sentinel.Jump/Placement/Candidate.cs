using Sentinel.Backends;

namespace Sentinel.Jump.Placement;

/// <summary>A backend as placement sees it.</summary>
internal sealed record Candidate
{
    // For one that has no capacity: users still have to be compared with those of one that has.
    private const int UsualCapacity = 100;

    public required BackendId Id { get; init; }

    /// <summary>At home there, or on their way to be.</summary>
    public int Users { get; init; }

    /// <summary>Most users that may be placed there; null: any number.</summary>
    public int? Capacity { get; init; }

    public int Priority { get; init; }

    /// <summary>What it last said of its load, from 0 to 1 for full; null: nothing.</summary>
    public double? Reported { get; init; }

    /// <summary>Users who were placed there after it said so.</summary>
    public int PlacedSince { get; init; }

    public required BackendStatus Status { get; init; }

    /// <summary>From 0 to 1 for full; may be beyond.</summary>
    public double Load => Reported is { } reported ? reported + ((double)PlacedSince / Most) : (double)Users / Most;

    public bool IsFull => Users >= Capacity || Reported >= 1;

    /// <summary>How little it suits, 0 for well: a VM that is away comes back by itself, one that a person stopped or drains does not, and one that is full has no room at all.</summary>
    public int Unfitness =>
        IsFull ? 3
        : Status.State is BackendState.Held or BackendState.Draining or BackendState.Drained ? 2
        : Status is { Healthy: true, State: BackendState.Serving or BackendState.Suspect } ? 0
        : 1;

    private int Most => Math.Max(1, Capacity ?? UsualCapacity);

    /// <summary>The one to place the next user on: of those that suit best the one of lowest load, then fewest users, then lowest priority, then by name. Null if there is none at all.</summary>
    public static Candidate? Choose(IEnumerable<Candidate> candidates) => candidates
        .OrderBy(one => one.Unfitness).ThenBy(one => one.Load).ThenBy(one => one.Users).ThenBy(one => one.Priority).ThenBy(one => one.Id.Name, StringComparer.Ordinal)
        .FirstOrDefault();
}
