using Sentinel.Certificates;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Description;

/// <summary><c>certificates</c>.</summary>
internal sealed class CertificatesShape : ObjectShape<CertificateSettings>
{
    private static readonly Key<AcmeSettings> Acme = Key.Optional("acme", new AcmeShape(), "Certificates that are ordered from an authority, and renewed.");

    public override IReadOnlyList<Key> Keys { get; } = [Acme];

    public override IReadOnlyList<LaterKey> Later => NotYet.Certificates;

    protected override string Noun => "certificates";

    protected override CertificateSettings Build(Fields fields) => new() { Acme = fields.OrNull(Acme) };
}
