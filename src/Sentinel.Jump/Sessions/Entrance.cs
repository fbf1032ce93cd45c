using System.Collections.Frozen;
using System.Collections.Immutable;
using Sentinel.Backends;
using Sentinel.Jump.Keys;
using Sentinel.Jump.Penalties;
using Sentinel.Jump.Users;

namespace Sentinel.Jump.Sessions;

/// <summary>Who may be logged in to the private sshd, by account and key: what its key files say, or will in a moment. Immutable.</summary>
internal sealed class Entrance
{
    private readonly string _shared;
    private readonly string _tunnel;
    private readonly ImmutableSortedDictionary<string, JumpUser> _users;
    private readonly FrozenDictionary<string, string> _owners;
    private readonly FrozenDictionary<string, BackendId> _tunnels;
    private readonly FrozenSet<string> _authorities;

    /// <param name="authorities">Whose certificates are believed.</param>
    /// <param name="departures">See <see cref="Departures"/>.</param>
    public Entrance(
        JumpSettings settings, ImmutableSortedDictionary<string, JumpUser> users, IEnumerable<KeyValuePair<BackendId, AuthorizedKey>> tunnels,
        IEnumerable<AuthorizedKey> authorities, int departures)
    {
        (_authorities, Departures) = (authorities.Select(key => key.Fingerprint).ToFrozenSet(), departures);
        (_shared, _tunnel, _users, Log) = (settings.Account, settings.TunnelAccount, users, settings.Log);
        _owners = users.Values.SelectMany(user => user.Keys.Select(key => (key.Fingerprint, user.Name)))
            .DistinctBy(pair => pair.Fingerprint)
            .ToFrozenDictionary(pair => pair.Fingerprint, pair => pair.Name);
        _tunnels = tunnels.Select(pair => (pair.Value.Fingerprint, pair.Key)).DistinctBy(pair => pair.Fingerprint)
            .ToFrozenDictionary(pair => pair.Fingerprint, pair => pair.Key);
        Ports = settings.Bind.Select(bind => bind.Port).ToFrozenSet();
    }

    /// <summary>Where sshd logs.</summary>
    public string Log { get; }

    /// <summary>How often users have left.</summary>
    public int Departures { get; }

    /// <summary>Where sshd listens.</summary>
    public FrozenSet<int> Ports { get; }

    /// <summary>Whether many use an account.</summary>
    public bool IsShared(string? account) => account == _shared || account == _tunnel;

    /// <summary>The backend whose tunnel a session is; null: it is none.</summary>
    public BackendId? TunnelOf(Session session) =>
        session.Account == _tunnel && _tunnels.TryGetValue(session.Fingerprint, out var backend) ? backend : null;

    /// <summary>Who a session is, for people: a user, a tunnel, or a key that nobody has.</summary>
    public string OwnerOf(Session session) =>
        TunnelOf(session) is { } backend ? $"the tunnel of {backend}"
        : session.Account == _shared && session.Certificate is { } certificate ? (_users.ContainsKey(certificate.Id) ? certificate.Id : $"the certificate {PenaltyBook.Quote(certificate.Id)}")
        : session.Account == _shared && _owners.TryGetValue(session.Fingerprint, out var user) ? user
        : session.Account == _shared || session.Account == _tunnel ? $"an unknown key of {session.Account}"
        : session.Account;

    /// <summary>Why a session must not go on; null: it may.</summary>
    public string? Objection(Session session)
    {
        if (session.Account == _tunnel)
        {
            return _tunnels.ContainsKey(session.Fingerprint) ? null : "its key is no longer one of a tunnel";
        }

        if (session.Certificate is { } certificate && !_authorities.Contains(certificate.Authority))
        {
            return "its certificate's authority is no longer trusted";
        }

        if (session.Account == _shared)
        {
            // Whom a certificate names sshd does not tell. It may be anybody's who left, unless its identity says otherwise; whoever is still welcome comes back.
            return session.Certificate is not { } shown ? (_owners.ContainsKey(session.Fingerprint) ? null : "its key is no longer a user's")
                : _users.ContainsKey(shown.Id) || session.Departures == Departures ? null
                : "a user was removed, and its certificate is not identified as another's";
        }

        return !_users.TryGetValue(session.Account, out var user) ? "the user was removed"
            : session.Certificate is not null || user.Keys.Any(key => key.Fingerprint == session.Fingerprint) ? null
            : "its key was removed";
    }
}
