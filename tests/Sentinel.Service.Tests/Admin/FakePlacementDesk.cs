using Sentinel.Backends;
using Sentinel.Jump.Placement;
using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Tests.Admin;

/// <summary>Answers what a test says, and notes what it was asked.</summary>
internal sealed class FakePlacementDesk : IPlacementDesk
{
    public PlacementOutcome Outcome { get; set; } = new(PlacementResult.Done, "alice is placed on spot-1.", new() { Name = "alice", Backend = new("spot-1") });

    public List<string> Asked { get; } = [];

    public PlacementsDocument Placements() => new([PlacementApi.Describe(Outcome.User!)], []);

    public IReadOnlyDictionary<BackendId, int>? Counts() => new Dictionary<BackendId, int> { [new("spot-1")] = 7 };

    public IReadOnlyList<KeySyncDocument> KeySync() => [new("spot-1", 7, null, "it answered 401")];

    public Task<PlacementOutcome> PlaceAsync(string user, BackendId? backend, CancellationToken cancellationToken) => Note($"place {user} {backend?.Name ?? "auto"}");

    public Task<PlacementOutcome> RemoveAsync(string user, CancellationToken cancellationToken) => Note($"remove {user}");

    public bool Resync(BackendId backend)
    {
        Asked.Add($"resync {backend}");
        return backend.Name == "spot-1";
    }

    private Task<PlacementOutcome> Note(string what)
    {
        Asked.Add(what);
        return Task.FromResult(Outcome);
    }
}
