using Sentinel.Certificates;
using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Hosting;

/// <summary>Certificates as the admin endpoint sees them.</summary>
internal sealed class CertificateDesk(CertificateService certificates) : ICertificateDesk
{
    public IReadOnlyList<CertificateDocument> Certificates() => [.. certificates.Statuses.Select(Describe)];

    public IReadOnlyList<CertificateSyncDocument> Sync() => [.. certificates.Sync.Select(place => new CertificateSyncDocument(place.From, place.LastSuccess, place.LastError))];

    public (bool IsKnown, string Why)? Renew(string name)
    {
        var outcome = certificates.Renew(name);
        return outcome.Result switch
        {
            RenewResult.Accepted => null,
            RenewResult.UnknownName => (false, $"No certificate for '{name}' is ordered here; certificates.acme.names lists those that are."),
            _ => (true, $"It was tried a moment ago, and authorities count tries; the next one is at {outcome.NotBefore:yyyy-MM-dd HH:mm:ss}Z."),
        };
    }

    public Task<RevokeOutcome> RevokeAsync(string name, RevocationReason reason) => certificates.RevokeAsync(name, reason);

    public Task<IReadOnlyList<KeyChangeOutcome>?> RollKeysAsync() => certificates.RollKeysAsync();

    private static CertificateDocument Describe(CertificateStatus status) => new(status.Names, status.Source, status.NotAfter, status.RenewAt, status.LastError, status.SerialNumber);
}
