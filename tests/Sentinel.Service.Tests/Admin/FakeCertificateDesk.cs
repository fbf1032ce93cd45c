using Sentinel.Certificates;
using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Tests.Admin;

/// <summary>Holds what a test says.</summary>
internal sealed class FakeCertificateDesk : ICertificateDesk
{
    public List<CertificateDocument> Held { get; } = [];

    /// <summary>What <see cref="Renew"/> answers.</summary>
    public (bool IsKnown, string Why)? Refusal { get; set; }

    /// <summary>What <see cref="RevokeAsync"/> answers.</summary>
    public RevokeOutcome Revocation { get; set; } = new(RevokeResult.Done, null);

    /// <summary>What was to be revoked, and why.</summary>
    public List<(string Name, RevocationReason Reason)> Revoked { get; } = [];

    /// <summary>What <see cref="RollKeysAsync"/> answers.</summary>
    public IReadOnlyList<KeyChangeOutcome>? KeyChanges { get; set; } = [];

    public IReadOnlyList<CertificateDocument> Certificates() => Held;

    public IReadOnlyList<CertificateSyncDocument> Sync() => [];

    public (bool IsKnown, string Why)? Renew(string name) => Refusal;

    public Task<RevokeOutcome> RevokeAsync(string name, RevocationReason reason)
    {
        Revoked.Add((name, reason));
        return Task.FromResult(Revocation);
    }

    public Task<IReadOnlyList<KeyChangeOutcome>?> RollKeysAsync() => Task.FromResult(KeyChanges);
}
