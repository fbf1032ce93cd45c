using Sentinel.Recovery.Outages;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary>One of <c>fallbacks</c>: another machine type, another zone, or on demand.</summary>
internal sealed class FallbackShape : ObjectShape<Fallback>
{
    private static readonly Key<string> MachineType = Key.Optional("machineType",
        new TextShape<string>("a machine type, such as n2-highmem-8", (text, _) => GceText.IsName(text) ? text : Refusal.Plain),
        "The same VM as this machine type, until its next start.");

    private static readonly Key<string> Zone = Key.Optional("zone",
        new TextShape<string>("a zone, such as us-central1-b", (text, _) => GceText.IsZone(text) ? text : Refusal.Plain),
        "The same VM in this zone. Its disks must be regional, or be copied there (fromSnapshot).");

    private static readonly Key<bool> FromSnapshot = Key.Default("fromSnapshot", Forms.Flag, false,
        "With zone: disks of one zone are copied there by snapshots of the stopped VM. From then on the copies count; the disks themselves are kept, labelled and not used.");

    private static readonly Key<Provisioning> Model = Key.Optional("provisioning", new WordShape<Provisioning>([]),
        "standard: the same VM on demand, and back to spot at a quiet moment.");

    private static readonly Key<TimeSpan> AtMost = Key.Default("atMost", Forms.Duration, TimeSpan.Zero,
        "With provisioning: how long it may be on demand until it has been a spot VM again. 0s: for ever.");

    private enum Provisioning
    {
        Standard,
    }

    public override IReadOnlyList<Key> Keys { get; } = [MachineType, Zone, FromSnapshot, Model, AtMost];

    protected override string Noun => "a fallback";

    protected override void Check(Fields fields)
    {
        Key[] kinds = [MachineType, Zone, Model];
        var asked = kinds.Count(fields.Has);
        if (asked > 1 || (asked == 0 && kinds.All(fields.IsMissing)))
        {
            fields.Fail(asked == 0 ? "a fallback to nothing" : $"{string.Join(" and ", kinds.Where(fields.Has).Select(kind => kind.Name))} in one fallback",
                "one of machineType, zone and provisioning in each fallback; write several, in the order in which they are tried");
        }

        if (fields.Has(FromSnapshot) && fields.IsMissing(Zone))
        {
            fields.Fail(FromSnapshot, "\"zone\" beside it, or no fromSnapshot");
        }

        if (fields.Has(AtMost) && fields.IsMissing(Model))
        {
            fields.Fail(AtMost, "\"provisioning\": \"standard\" beside it, or no atMost");
        }
    }

    protected override Fallback Build(Fields fields) =>
        fields.OrNull(MachineType) is { } type ? new Fallback.OtherMachine(type)
        : fields.OrNull(Zone) is { } zone ? new Fallback.OtherZone(zone, fields.Get(FromSnapshot))
        : new Fallback.OnDemand(fields.Get(AtMost));
}
