namespace Sentinel.Certificates;

/// <summary>One certificate that is held or wanted, as far as anybody may know.</summary>
public sealed record CertificateStatus
{
    /// <summary>The names it is for.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary><c>acme</c>, <c>backend:NAME</c> or <c>directory:PATH</c>.</summary>
    public required string Source { get; init; }

    /// <summary>Null while there is none yet.</summary>
    public DateTimeOffset? NotAfter { get; init; }

    /// <summary>Hexadecimal; null while there is none yet.</summary>
    public string? SerialNumber { get; init; }

    /// <summary>When the next one is ordered or tried for; null if we do not order it.</summary>
    public DateTimeOffset? RenewAt { get; init; }

    /// <summary>Why the last try failed; null if it did not.</summary>
    public string? LastError { get; init; }
}

/// <summary>A place that certificates are fetched from.</summary>
/// <param name="From"><c>backend:NAME</c> or <c>directory:PATH</c>.</param>
/// <param name="LastSuccess">When everything that is there was last had; null if never.</param>
/// <param name="LastError">Why the last try failed, in whole or in part; null if it did not.</param>
public sealed record SyncStatus(string From, DateTimeOffset? LastSuccess, string? LastError);

/// <summary>What became of the wish to renew now.</summary>
public enum RenewResult
{
    /// <summary>It is being ordered.</summary>
    Accepted,

    /// <summary>No such name is ordered by us.</summary>
    UnknownName,

    /// <summary>Too soon after the last try.</summary>
    TooSoon,
}

/// <param name="Result">Whether it was accepted.</param>
/// <param name="NotBefore">Too soon: when it may be tried again.</param>
public sealed record RenewOutcome(RenewResult Result, DateTimeOffset? NotBefore = null);
