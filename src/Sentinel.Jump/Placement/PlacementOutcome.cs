using Sentinel.Backends;
using Sentinel.Jump.Users;

namespace Sentinel.Jump.Placement;

/// <summary>What became of a wish to place a user.</summary>
public enum PlacementResult
{
    /// <summary>It is as was asked for.</summary>
    Done,

    /// <summary>What was asked for makes no sense: no such name, backend or placement.</summary>
    Unknown,

    /// <summary>The name is none that a user may have.</summary>
    BadName,

    /// <summary>It makes no sense now.</summary>
    Refused,

    /// <summary>Nothing was recorded, because it cannot be.</summary>
    Unwritten,

    /// <summary>It is recorded, and the operator's program failed: the same again completes it.</summary>
    NotProvisioned,
}

/// <param name="Result">What became of it.</param>
/// <param name="Why">Done: what was done. Else what is wrong and what to do. A sentence.</param>
/// <param name="User">The user now; null if there is none of that name.</param>
/// <param name="Output">What the operator's program wrote; null if it was not run.</param>
public sealed record PlacementOutcome(PlacementResult Result, string Why, UserPlacement? User = null, string? Output = null);

/// <summary>One user, for people and programs.</summary>
public sealed record UserPlacement
{
    /// <summary>Of the user.</summary>
    public required string Name { get; init; }

    /// <summary>Where he is at home; null if he is not placed.</summary>
    public BackendId? Backend { get; init; }

    /// <summary>Who says so.</summary>
    public HomeSource Source { get; init; }

    /// <summary>When he was placed; null if nobody did.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Where he is to be once the operator's program succeeds; null if nowhere else.</summary>
    public BackendId? Pending { get; init; }

    /// <summary>The backend that he was placed on and that the configuration no longer has.</summary>
    public BackendId? Gone { get; init; }

    /// <summary>Backends that name him too and whose word does not count.</summary>
    public IReadOnlyList<BackendId> Clashes { get; init; } = [];

    /// <summary>How many keys he may show.</summary>
    public int Keys { get; init; }

    internal static UserPlacement Of(UserStanding standing) => new()
    {
        Name = standing.User.Name,
        Backend = standing.User.Backend,
        Source = standing.Source,
        Since = standing.Source is HomeSource.Hand or HomeSource.Auto ? standing.Record?.At : null,
        Pending = standing.Pending,
        Gone = standing.Gone,
        Clashes = [.. standing.Clashes],
        Keys = standing.User.Keys.Count,
    };
}

/// <summary>One backend on which users may be placed.</summary>
/// <param name="Backend">Its name.</param>
/// <param name="Users">At home there, or on their way to be.</param>
/// <param name="Capacity">Most users that may be placed there; null: any number.</param>
/// <param name="Load">From 0 to 1 for full, and beyond.</param>
/// <param name="TakesUsers">Whether placement would choose it before one that is full, draining or down.</param>
public sealed record BackendPlacement(BackendId Backend, int Users, int? Capacity, double Load, bool TakesUsers);
