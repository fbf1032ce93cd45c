using Sentinel.Backends;
using Sentinel.Jump.Placement;

namespace Sentinel.Jump.Users;

/// <summary>A user, and why he is where he is.</summary>
internal sealed record UserStanding
{
    public required JumpUser User { get; init; }

    /// <summary>Who says where he is at home.</summary>
    public HomeSource Source { get; init; }

    /// <summary>What is on record of his placement.</summary>
    public PlacementRecord? Record { get; init; }

    /// <summary>Backends that name him, the one of lowest priority first.</summary>
    public EquatableList<BackendId> NamedBy { get; init; } = [];

    /// <summary>Those among them where he is not at home: their word of him does not count.</summary>
    public IEnumerable<BackendId> Clashes => NamedBy.Where(backend => backend != User.Backend);

    /// <summary>Where he is to be at home once he is made there; null: nowhere else.</summary>
    public BackendId? Pending { get; init; }

    /// <summary>The backend that he was placed on and that the configuration no longer has.</summary>
    public BackendId? Gone { get; init; }
}

/// <summary>Who says where a user is at home, the first that does.</summary>
public enum HomeSource
{
    /// <summary>Nobody: he is not placed.</summary>
    Nobody,

    /// <summary>The file.</summary>
    File,

    /// <summary>An operator, who named the backend.</summary>
    Hand,

    /// <summary>An operator, who left the choice to placement.</summary>
    Auto,

    /// <summary>The backend itself, which names him.</summary>
    Backend,
}
