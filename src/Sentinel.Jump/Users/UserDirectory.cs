using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Sentinel.Backends;
using Sentinel.Jump.Keys;
using Sentinel.Jump.Placement;

namespace Sentinel.Jump.Users;

/// <summary>Who the users are, now: what the file, the backends and placement say of them, merged. Publishes immutable snapshots. Thread-safe.</summary>
internal sealed class UserDirectory(ILogger? logger = null)
{
    private readonly Lock _lock = new();
    private readonly ILogger _logger = logger ?? NullLogger.Instance;
    private UserSources _sources = new();
    private volatile Snapshot _current = new(ImmutableSortedDictionary<string, JumpUser>.Empty, ImmutableSortedDictionary<string, UserStanding>.Empty);

    /// <summary>The users changed. Raised under the directory's lock, in order: be quick, never block.</summary>
    public event Action? Changed;

    /// <summary>All users, by name.</summary>
    public ImmutableSortedDictionary<string, JumpUser> Users => _current.Users;

    /// <summary>All users, by name, with why they are where they are.</summary>
    public ImmutableSortedDictionary<string, UserStanding> Standings => _current.Standings;

    /// <summary>Replaces what the file says.</summary>
    /// <param name="users">As configured.</param>
    /// <param name="keysOf">The keys of a user, those of his file included.</param>
    public void Configure(IReadOnlyList<UserSettings> users, Func<UserSettings, IEnumerable<AuthorizedKey>> keysOf)
    {
        var file = users.ToImmutableDictionary(
            user => user.Name, user => new JumpUser { Name = user.Name, Keys = [.. keysOf(user).Distinct()], Backend = user.Backend, Allow = user.Allow });
        Update(sources => sources with { File = file });
    }

    /// <summary>Says which backends there are. What was said by, and of, others does not count.</summary>
    public void Know(IEnumerable<BackendDefinition> backends)
    {
        var known = backends.ToImmutableDictionary(backend => backend.Id, backend => backend.Priority);
        Update(sources => sources with { Backends = known });
    }

    /// <summary>Replaces what a backend says.</summary>
    public void Name(BackendId backend, EquatableList<SyncedUser> users) => Update(sources => sources with { Named = sources.Named.SetItem(backend, users) });

    /// <summary>Forgets what a backend said.</summary>
    public void Forget(BackendId backend) => Update(sources => sources with { Named = sources.Named.Remove(backend) });

    /// <summary>Replaces what is on record of placements.</summary>
    public void Place(ImmutableDictionary<string, PlacementRecord> placed) => Update(sources => sources with { Placed = placed });

    private void Update(Func<UserSources, UserSources> change)
    {
        lock (_lock)
        {
            _sources = change(_sources);
            var (before, standings) = (_current, _sources.Merge());
            TellClashes(before.Standings, standings);
            var users = standings.ToImmutableSortedDictionary(standing => standing.Key, standing => standing.Value.User, StringComparer.Ordinal);
            _current = new(users, standings);
            if (!users.SequenceEqual(before.Users))
            {
                Changed?.Invoke();
            }
        }
    }

    private void TellClashes(ImmutableSortedDictionary<string, UserStanding> before, ImmutableSortedDictionary<string, UserStanding> now)
    {
        foreach (var (name, standing) in now)
        {
            var clashes = string.Join(", ", standing.Clashes);
            if (clashes.Length > 0 && !(before.GetValueOrDefault(name) is { } old && old.User.Backend == standing.User.Backend && string.Join(", ", old.Clashes) == clashes))
            {
                Log.Clash(_logger, name, standing.User.Backend!.Value.Name, clashes);
            }
        }
    }

    private sealed record Snapshot(ImmutableSortedDictionary<string, JumpUser> Users, ImmutableSortedDictionary<string, UserStanding> Standings);
}
