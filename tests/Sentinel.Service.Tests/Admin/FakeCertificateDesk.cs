using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Tests.Admin;

/// <summary>Holds what a test says.</summary>
internal sealed class FakeCertificateDesk : ICertificateDesk
{
    public List<CertificateDocument> Held { get; } = [];

    /// <summary>What <see cref="Renew"/> answers.</summary>
    public (bool IsKnown, string Why)? Refusal { get; set; }

    public IReadOnlyList<CertificateDocument> Certificates() => Held;

    public IReadOnlyList<CertificateSyncDocument> Sync() => [];

    public (bool IsKnown, string Why)? Renew(string name) => Refusal;
}
