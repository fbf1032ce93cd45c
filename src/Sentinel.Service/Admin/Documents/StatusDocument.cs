namespace Sentinel.Service.Admin.Documents;

/// <summary>What <c>GET /status</c> answers: a contract, see interfaces. Fields may be added, never renamed.</summary>
internal sealed record StatusDocument
{
    public required string Name { get; init; }

    public required string Version { get; init; }

    /// <summary><c>proxy</c>: every pool can serve; <c>degraded</c>: some can; <c>maintenance</c>: none can.</summary>
    public required string State { get; init; }

    /// <summary>When <see cref="State"/> began.</summary>
    public required DateTimeOffset Since { get; init; }

    public required bool Leader { get; init; }

    public required IReadOnlyList<BackendDocument> Backends { get; init; }

    public required IReadOnlyList<PoolDocument> Pools { get; init; }

    public required IReadOnlyList<ListenerDocument> Listeners { get; init; }

    public IReadOnlyList<CertificateDocument> Certificates { get; init; } = [];

    public IReadOnlyList<CertificateSyncDocument> CertificateSync { get; init; } = [];

    /// <summary>How the users of backends are fetched; empty where they are not.</summary>
    public IReadOnlyList<KeySyncDocument> KeySync { get; init; } = [];

    public required ConfigurationDocument Configuration { get; init; }
}

/// <summary>One backend.</summary>
internal sealed record BackendDocument
{
    public required string Name { get; init; }

    /// <summary>Null for one that is watched and never started.</summary>
    public string? Instance { get; init; }

    /// <summary>Null while none is known.</summary>
    public string? Address { get; init; }

    public required string State { get; init; }

    /// <summary>When <see cref="State"/> began.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>Why, in a few words for people.</summary>
    public required string Reason { get; init; }

    public bool Healthy { get; init; }

    /// <summary>Open connections.</summary>
    public int Connections { get; init; }

    /// <summary>Since the first record of it.</summary>
    public int Preemptions { get; init; }

    public DateTimeOffset? LastPreemption { get; init; }

    /// <summary>The outage that it is in, by the name that <c>/outages/{id}</c> takes; null if it is in none.</summary>
    public string? Outage { get; init; }

    public double? LastOutageSeconds { get; init; }

    public DateTimeOffset? NextAttempt { get; init; }

    /// <summary>What it cost since the daemon began; null where no prices are configured.</summary>
    public CostDocument? Cost { get; init; }

    /// <summary>Users of the jump host who are at home there; null where there is none.</summary>
    public int? Users { get; init; }
}

/// <summary>One pool.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Active">Those that new connections go to.</param>
/// <param name="Policy">How it picks.</param>
/// <param name="Backends">All its members.</param>
internal sealed record PoolDocument(string Name, IReadOnlyList<string> Active, string Policy, IReadOnlyList<string> Backends);

/// <summary>One listener; counts are since the daemon's start.</summary>
internal sealed record ListenerDocument
{
    public required string Name { get; init; }

    public required IReadOnlyList<string> Bind { get; init; }

    public required string Protocol { get; init; }

    public required string Engine { get; init; }

    public required string Pool { get; init; }

    /// <summary>Whether it accepts on all its addresses.</summary>
    public bool Bound { get; init; }

    public int Connections { get; init; }

    public int Held { get; init; }

    public long Accepted { get; init; }

    public long Refused { get; init; }
}

/// <summary>One certificate; never its key.</summary>
/// <param name="Names">What it is for.</param>
/// <param name="Source"><c>acme</c>, <c>backend:NAME</c> or <c>directory:PATH</c>.</param>
/// <param name="NotAfter">Null while there is none yet.</param>
/// <param name="RenewAt">When the next one is ordered or tried for; null if it is not ordered by us, or is being ordered for the first time.</param>
/// <param name="LastError">Why the last try failed; null if it did not.</param>
/// <param name="SerialNumber">Hexadecimal; null while there is none yet.</param>
internal sealed record CertificateDocument(IReadOnlyList<string> Names, string Source, DateTimeOffset? NotAfter, DateTimeOffset? RenewAt, string? LastError, string? SerialNumber);

/// <summary>A place that certificates are fetched from.</summary>
/// <param name="From"><c>backend:NAME</c> or <c>directory:PATH</c>.</param>
/// <param name="LastSuccess">When everything that is there was last had; null if never.</param>
/// <param name="LastError">Why the last try failed, in whole or in part; null if it did not.</param>
internal sealed record CertificateSyncDocument(string From, DateTimeOffset? LastSuccess, string? LastError);

/// <summary>What <c>GET /v1/certificates</c> answers.</summary>
internal sealed record CertificatesDocument(IReadOnlyList<CertificateDocument> Certificates);

/// <summary>What <c>POST /v1/certificates/roll-key</c> answers.</summary>
/// <param name="Accounts">The directories of the authorities whose accounts have a new key.</param>
internal sealed record AccountsDocument(IReadOnlyList<string> Accounts);

/// <summary>The configuration in force.</summary>
/// <param name="File">Where it came from.</param>
/// <param name="LoadedAt">When it was put in force.</param>
/// <param name="LastReload">How the last attempt to replace it ended: <c>applied</c>, <c>rejected</c>, <c>unchanged</c>; null if there was none.</param>
/// <param name="Errors">What was wrong with the file when it was last rejected; empty once a good one is in force.</param>
internal sealed record ConfigurationDocument(string File, DateTimeOffset LoadedAt, string? LastReload, IReadOnlyList<string> Errors);
