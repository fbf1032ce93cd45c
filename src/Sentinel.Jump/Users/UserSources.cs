using System.Collections.Immutable;
using Sentinel.Backends;
using Sentinel.Jump.Placement;

namespace Sentinel.Jump.Users;

/// <summary>All that is said of users, by whom. Immutable.</summary>
internal sealed record UserSources
{
    /// <summary>By the file, its keys files read.</summary>
    public ImmutableDictionary<string, JumpUser> File { get; init; } = ImmutableDictionary<string, JumpUser>.Empty;

    /// <summary>By backends, as each last said authentically.</summary>
    public ImmutableDictionary<BackendId, EquatableList<SyncedUser>> Named { get; init; } = ImmutableDictionary<BackendId, EquatableList<SyncedUser>>.Empty;

    /// <summary>By operators.</summary>
    public ImmutableDictionary<string, PlacementRecord> Placed { get; init; } = ImmutableDictionary<string, PlacementRecord>.Empty;

    /// <summary>The backends that the configuration has, with their priority.</summary>
    public ImmutableDictionary<BackendId, int> Backends { get; init; } = ImmutableDictionary<BackendId, int>.Empty;

    /// <summary>
    /// Puts it together. Where a user is at home says the file, else his recorded placement, else of the backends that name him the one
    /// of lowest priority. His keys are those of the file and those that his home names: no other backend can give him a key.
    /// </summary>
    public ImmutableSortedDictionary<string, UserStanding> Merge()
    {
        var named = (
            from backend in Named
            where Backends.ContainsKey(backend.Key)
            orderby Backends[backend.Key], backend.Key.Name
            from user in backend.Value
            group (Backend: backend.Key, User: user) by user.Name).ToDictionary(group => group.Key, group => group.ToList());
        return File.Keys.Concat(Placed.Keys).Concat(named.Keys).Distinct()
            .Select(name => Merge(name, named.GetValueOrDefault(name) ?? []))
            .ToImmutableSortedDictionary(standing => standing.User.Name, standing => standing, StringComparer.Ordinal);
    }

    private UserStanding Merge(string name, List<(BackendId Backend, SyncedUser User)> named)
    {
        var (file, record) = (File.GetValueOrDefault(name), Placed.GetValueOrDefault(name));
        var placed = record?.Homes.Where(Backends.ContainsKey).Select(backend => (BackendId?)backend).FirstOrDefault();
        var (home, source) = file?.Backend is { } written ? (written, HomeSource.File)
            : placed is { } recorded ? (recorded, record!.IsByHand ? HomeSource.Hand : HomeSource.Auto)
            : named is [var (first, _), ..] ? (first, HomeSource.Backend)
            : ((BackendId?)null, HomeSource.Nobody);
        return new()
        {
            User = new()
            {
                Name = name,
                Keys = [.. (file?.Keys ?? []).Concat(named.Where(one => one.Backend == home).SelectMany(one => one.User.Keys)).Distinct()],
                Backend = home,
                Allow = file?.Allow ?? [],
            },
            Source = source,
            Record = record,
            NamedBy = [.. named.Select(one => one.Backend)],
            Pending = record is { IsProvisioned: false } && Backends.ContainsKey(record.Backend) ? record.Backend : null,
            Gone = record is not null && placed is null ? record.Backend : null,
        };
    }
}
