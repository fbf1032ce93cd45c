using System.Collections.Immutable;
using Sentinel.Jump.Keys;

namespace Sentinel.Jump.Users;

/// <summary>Who the users are, now: what the file, the backends and placement say of them, merged. Publishes immutable snapshots. Thread-safe.</summary>
internal sealed class UserDirectory
{
    private readonly Lock _lock = new();
    private volatile Snapshot _current = new([]);

    /// <summary>The users changed. Raised under the directory's lock, in order: be quick, never block.</summary>
    public event Action? Changed;

    /// <summary>All users, by name.</summary>
    public ImmutableSortedDictionary<string, JumpUser> Users => _current.Users;

    /// <summary>Replaces what the file says.</summary>
    /// <param name="users">As configured.</param>
    /// <param name="keysOf">The keys of a user, those of his file included.</param>
    public void Configure(IReadOnlyList<UserSettings> users, Func<UserSettings, IEnumerable<AuthorizedKey>> keysOf)
    {
        lock (_lock)
        {
            _current = new([.. users.Select(user => KeyValuePair.Create(
                user.Name, new JumpUser { Name = user.Name, Keys = [.. keysOf(user).Distinct()], Backend = user.Backend, Allow = user.Allow }))]);
            Changed?.Invoke();
        }
    }

    private sealed record Snapshot(ImmutableSortedDictionary<string, JumpUser> Users)
    {
        public Snapshot(IEnumerable<KeyValuePair<string, JumpUser>> users)
            : this(users.ToImmutableSortedDictionary(StringComparer.Ordinal))
        {
        }
    }
}
