namespace Sentinel.Service.Admin.Documents;

/// <summary>What <c>GET /v1/placements</c> answers.</summary>
/// <param name="Placements">Every user, by name.</param>
/// <param name="Backends">Every backend that users are placed on, by name.</param>
internal sealed record PlacementsDocument(IReadOnlyList<PlacementDocument> Placements, IReadOnlyList<RoomDocument> Backends);

/// <summary>One user.</summary>
internal sealed record PlacementDocument
{
    public required string User { get; init; }

    /// <summary>Where the user is at home; null if not placed.</summary>
    public string? Backend { get; init; }

    /// <summary>Who says so: <c>file</c>, <c>hand</c>, <c>auto</c>, <c>backend</c> (it names the user), <c>nobody</c>.</summary>
    public required string By { get; init; }

    /// <summary>When an operator placed the user; null if none did.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Where the user is to be once the provision command has succeeded; null if nowhere else.</summary>
    public string? Pending { get; init; }

    /// <summary>The backend that the user was placed on and that the configuration no longer has.</summary>
    public string? Gone { get; init; }

    /// <summary>Backends that name the user as well, and whose word does not count.</summary>
    public IReadOnlyList<string> Clashes { get; init; } = [];

    /// <summary>How many public keys the user may show.</summary>
    public int Keys { get; init; }
}

/// <summary>The room on one backend.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Users">At home there, or on their way to be.</param>
/// <param name="Capacity">Most that may be placed there; null: any number.</param>
/// <param name="Load">From 0 to 1 for full, and beyond.</param>
/// <param name="TakesUsers">Whether it is up and has room.</param>
internal sealed record RoomDocument(string Name, int Users, int? Capacity, double Load, bool TakesUsers);

/// <summary>What placing a user answers.</summary>
/// <param name="Placement">The user now; null if nothing is known of that name any more.</param>
/// <param name="Message">What was done, for people.</param>
/// <param name="Output">What the provision command wrote; null if it was not run.</param>
internal sealed record PlacedDocument(PlacementDocument? Placement, string Message, string? Output);

/// <summary>How the users of one backend are fetched.</summary>
/// <param name="Backend">Whose.</param>
/// <param name="Users">How many it last named.</param>
/// <param name="LastSuccess">When everything was last had; null if not since the daemon's start.</param>
/// <param name="LastError">Why the last try failed, in whole or in part; null if it did not.</param>
internal sealed record KeySyncDocument(string Backend, int Users, DateTimeOffset? LastSuccess, string? LastError);

/// <summary>What says which backend: <c>{"backend":"spot-1"}</c>.</summary>
internal sealed record BackendNameDocument(string? Backend);
