using Sentinel.Backends;
using Sentinel.Jump;
using Sentinel.Jump.Placement;
using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Hosting;

/// <summary>Users of the jump host as the admin endpoint sees them.</summary>
internal sealed class JumpDesk(JumpService jump, ConfigurationInForce configuration) : IPlacementDesk
{
    public PlacementsDocument Placements() => new(
        [.. jump.Placement.Users.Select(PlacementApi.Describe)],
        [.. jump.Placement.Backends.Select(one => new RoomDocument(one.Backend.Name, one.Users, one.Capacity, Math.Round(one.Load, 3), one.TakesUsers))]);

    public IReadOnlyDictionary<BackendId, int>? Counts() => configuration.Current.Configuration.Ssh is null ? null : jump.Placement.Counts;

    public IReadOnlyList<KeySyncDocument> KeySync() =>
        [.. jump.KeySync.Statuses.Select(status => new KeySyncDocument(status.Backend.Name, status.Users, status.LastSuccess, status.LastError))];

    public Task<PlacementOutcome> PlaceAsync(string user, BackendId? backend, CancellationToken cancellationToken) => jump.Placement.PlaceAsync(user, backend, cancellationToken);

    public Task<PlacementOutcome> RemoveAsync(string user, CancellationToken cancellationToken) => jump.Placement.RemoveAsync(user, cancellationToken);

    public bool Resync(BackendId backend) => jump.KeySync.Resync(backend);
}
