using Sentinel.Backends;
using Sentinel.Jump.Keys;

namespace Sentinel.Jump.Users;

/// <summary>A user as everything that is known of him puts him together: file, key sync and placement.</summary>
public sealed record JumpUser
{
    /// <summary>Matches <see cref="UserName"/>.</summary>
    public required string Name { get; init; }

    /// <summary>What he may show; none: he cannot log in.</summary>
    public EquatableList<AuthorizedKey> Keys { get; init; } = [];

    /// <summary>Where he is at home; null: not placed yet.</summary>
    public BackendId? Backend { get; init; }

    /// <summary>Destinations besides, as <c>host:port</c>.</summary>
    public EquatableList<string> Allow { get; init; } = [];
}
