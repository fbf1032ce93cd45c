using Sentinel.Recovery.Clouds.Gce;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Description;

/// <summary><c>clouds</c>. The process cloud needs no settings; both are there even if they are not mentioned.</summary>
internal sealed class CloudsShape : ObjectShape<GceSettings>
{
    private static readonly Key<GceSettings> Gce = Key.Optional("gce", new GceShape(), "Compute Engine. Needed only where a default does not fit.");

    private static readonly Key<bool> Process = Key.Optional("process", new ProcessCloudShape(),
        "VMs that are child processes of this daemon: the embedded default. Nothing to set.");

    public override IReadOnlyList<Key> Keys { get; } = [Gce, Process];

    protected override string Noun => "clouds";

    protected override GceSettings Build(Fields fields) => fields.OrNull(Gce) ?? new();

    private sealed class ProcessCloudShape : ObjectShape<bool>
    {
        public override IReadOnlyList<Key> Keys => [];

        protected override string Noun => "the process cloud";

        protected override bool Build(Fields fields) => true;
    }
}
