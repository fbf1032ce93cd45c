using Sentinel.Backends;
using Sentinel.Certificates;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Description;

/// <summary><c>certificates</c>.</summary>
internal sealed class CertificatesShape : ObjectShape<CertificateSettings>
{
    private static readonly Key<AcmeSettings> Acme = Key.Optional("acme", new AcmeShape(), "Certificates that are ordered from an authority, and renewed.");

    private static readonly Key<EquatableList<SyncSettings>> Sync = Key.Default("sync", new ListShape<SyncSettings>("places to sync from", new SyncShape(), distinct: true), [],
        "Where certificates are fetched from. One is only ever replaced by a better one.");

    private static readonly Key<EquatableList<DeliverySettings>> Deliver = Key.Default("deliver", new ListShape<DeliverySettings>("deliveries", new DeliveryShape()), [],
        "Whom certificates are given to.");

    public override IReadOnlyList<Key> Keys { get; } = [Acme, Sync, Deliver];

    protected override string Noun => "certificates";

    protected override CertificateSettings Build(Fields fields) => new() { Acme = fields.OrNull(Acme), Sync = fields.Get(Sync), Deliver = fields.Get(Deliver) };
}
