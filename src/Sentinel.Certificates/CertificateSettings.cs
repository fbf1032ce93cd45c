using System.Net;
using Sentinel.Backends;
using Sentinel.Backends.Daemons;

namespace Sentinel.Certificates;

/// <summary>What the configuration says of certificates. Compares by value.</summary>
public sealed record CertificateSettings
{
    /// <summary>What to order and from whom; null: nothing.</summary>
    public AcmeSettings? Acme { get; init; }

    /// <summary>Where certificates are fetched from.</summary>
    public EquatableList<SyncSettings> Sync { get; init; } = [];

    /// <summary>Whom new certificates are given to.</summary>
    public EquatableList<DeliverySettings> Deliver { get; init; } = [];
}

/// <summary>Orders at an authority.</summary>
public sealed record AcmeSettings
{
    /// <summary>The authority's directory.</summary>
    public required Uri Directory { get; init; }

    /// <summary>Tried in turn after <see cref="Directory"/> when that fails for long.</summary>
    public EquatableList<Uri> FallbackDirectories { get; init; } = [];

    /// <summary>Where the authority writes to; null: nowhere.</summary>
    public string? Email { get; init; }

    /// <summary>Further roots for the directories' own TLS, in PEM; null: none.</summary>
    public string? CaFile { get; init; }

    /// <summary>The account that the authority knows already; null: none. For <see cref="Directory"/> alone.</summary>
    public ExternalAccount? ExternalAccount { get; init; }

    /// <summary>The authority's word for a kind of certificate; null: its default.</summary>
    public string? Profile { get; init; }

    /// <summary>Of certificates.</summary>
    public KeyKind KeyType { get; init; }

    /// <summary>How names are proved.</summary>
    public ChallengeKind Challenge { get; init; }

    /// <summary>Program and arguments that write a name's TXT record; empty: none.</summary>
    public EquatableList<string> DnsHook { get; init; } = [];

    /// <summary>Who knows the servers of the zones that <see cref="DnsHook"/> writes to; empty: the system's resolvers.</summary>
    public EquatableList<IPEndPoint> DnsResolvers { get; init; } = [];

    /// <summary>The names of each certificate.</summary>
    public EquatableList<EquatableList<string>> Names { get; init; } = [];

    /// <summary>The common name of the issuer that the chain should end at; null: the authority's choice.</summary>
    public string? PreferredChain { get; init; }
}

/// <summary>External account binding (RFC 8555 §7.3.4).</summary>
/// <param name="KeyId">As the authority gave it.</param>
/// <param name="HmacKeyFile">Holds the key in base64url. Read when an account is made.</param>
public sealed record ExternalAccount(string KeyId, string HmacKeyFile);

/// <summary>Keys of certificates.</summary>
public enum KeyKind
{
    /// <summary>P-256.</summary>
    Ec256,

    /// <summary>P-384.</summary>
    Ec384,

    /// <summary>RSA of 2048 bits.</summary>
    Rsa2048,

    /// <summary>RSA of 3072 bits.</summary>
    Rsa3072,

    /// <summary>RSA of 4096 bits.</summary>
    Rsa4096,
}

/// <summary>How the control of a name is proved.</summary>
public enum ChallengeKind
{
    /// <summary>RFC 8555 §8.3.</summary>
    Http01,

    /// <summary>RFC 8737.</summary>
    TlsAlpn01,

    /// <summary>RFC 8555 §8.4.</summary>
    Dns01,
}

/// <summary>A place that certificates are fetched from: a backend's URL, or a directory.</summary>
public sealed record SyncSettings
{
    /// <summary>Whose certificates they are; null for a directory.</summary>
    public BackendId? Backend { get; init; }

    /// <summary>Where the backend's daemon gives them; null for a directory.</summary>
    public DaemonEndpoint? Endpoint { get; init; }

    /// <summary>Null for a backend.</summary>
    public string? Directory { get; init; }

    /// <summary>From one good fetch to the next.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromHours(6);
}

/// <summary>Whom a certificate is given to.</summary>
/// <param name="Names">Every certificate that is for one of them.</param>
/// <param name="Command">Program and arguments; <c>{certificate}</c> and <c>{key}</c> stand for files, <c>{address}</c> for the backend's address.</param>
/// <param name="Backend">The VM that it is for: it is waited for while it is away. Null: somebody of whom nothing is known.</param>
public sealed record DeliverySettings(EquatableList<string> Names, EquatableList<string> Command, BackendId? Backend = null);
