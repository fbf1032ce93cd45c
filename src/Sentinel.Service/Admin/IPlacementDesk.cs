using Sentinel.Backends;
using Sentinel.Jump.Placement;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Admin;

/// <summary>What the admin endpoint asks of the jump host's users.</summary>
internal interface IPlacementDesk
{
    /// <summary>Who is where.</summary>
    PlacementsDocument Placements();

    /// <summary>How many users are at home on each backend; null without a jump host.</summary>
    IReadOnlyDictionary<BackendId, int>? Counts();

    /// <summary>How the users of backends are fetched.</summary>
    IReadOnlyList<KeySyncDocument> KeySync();

    /// <summary>Places a user.</summary>
    /// <param name="backend">Where; null: where the user is, else where the load is lowest.</param>
    Task<PlacementOutcome> PlaceAsync(string user, BackendId? backend, CancellationToken cancellationToken);

    /// <summary>Forgets a placement.</summary>
    Task<PlacementOutcome> RemoveAsync(string user, CancellationToken cancellationToken);

    /// <summary>Has a backend's users fetched now.</summary>
    /// <returns>False if it is none whose users are fetched.</returns>
    bool Resync(BackendId backend);
}
