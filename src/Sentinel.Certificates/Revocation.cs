namespace Sentinel.Certificates;

/// <summary>Why a certificate is revoked (RFC 5280 §5.3.1), as far as its owner may say.</summary>
public enum RevocationReason
{
    /// <summary>No reason is given.</summary>
    Unspecified = 0,

    /// <summary>Somebody else may have its key.</summary>
    KeyCompromise = 1,

    /// <summary>Its names are somebody else's now.</summary>
    AffiliationChanged = 3,

    /// <summary>Another one took its place.</summary>
    Superseded = 4,

    /// <summary>Nothing is served under its names any more.</summary>
    CessationOfOperation = 5,
}

/// <summary>What became of the wish to revoke.</summary>
public enum RevokeResult
{
    /// <summary>It is revoked, and ordered anew if it is configured.</summary>
    Done,

    /// <summary>No certificate for exactly this name is held.</summary>
    UnknownName,

    /// <summary>Somebody else ordered it.</summary>
    NotOurs,

    /// <summary>It is being ordered at this moment.</summary>
    Busy,

    /// <summary>The authority refused, or did not answer.</summary>
    Refused,
}

/// <param name="Result">Whether it was revoked.</param>
/// <param name="Detail">Not ours: where it came from, as <see cref="CertificateStatus.Source"/>. Refused: why. Else null.</param>
public sealed record RevokeOutcome(RevokeResult Result, string? Detail);

/// <summary>What became of an account's key.</summary>
/// <param name="Directory">Whose account it is.</param>
/// <param name="Why">Why the old one goes on; null if there is a new one.</param>
public sealed record KeyChangeOutcome(Uri Directory, string? Why);
