using Sentinel.Certificates;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Admin;

/// <summary>What the admin endpoint asks of certificates.</summary>
internal interface ICertificateDesk
{
    /// <summary>What is held and what is wanted, by name.</summary>
    IReadOnlyList<CertificateDocument> Certificates();

    /// <summary>Where certificates are fetched from, and how that goes.</summary>
    IReadOnlyList<CertificateSyncDocument> Sync();

    /// <summary>Has a name's certificate ordered now.</summary>
    /// <returns>Null if it is; else whether the name is known, and why it is not.</returns>
    (bool IsKnown, string Why)? Renew(string name);

    /// <summary>Has what was ordered for exactly this name revoked.</summary>
    Task<RevokeOutcome> RevokeAsync(string name, RevocationReason reason);

    /// <summary>Gives the accounts at authorities new keys.</summary>
    /// <returns>Null while something is being ordered.</returns>
    Task<IReadOnlyList<KeyChangeOutcome>?> RollKeysAsync();
}
