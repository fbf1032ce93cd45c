using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Description;

/// <summary><c>clouds</c>: so far only the process cloud, which needs no settings and is there even if it is not mentioned.</summary>
internal sealed class CloudsShape : ObjectShape<bool>
{
    private static readonly Key<bool> Process = Key.Optional("process", new ProcessCloudShape(),
        "VMs that are child processes of this daemon: the embedded default. Nothing to set.");

    public override IReadOnlyList<Key> Keys { get; } = [Process];

    public override IReadOnlyList<LaterKey> Later => NotYet.Clouds;

    protected override string Noun => "clouds";

    protected override bool Build(Fields fields) => true;

    private sealed class ProcessCloudShape : ObjectShape<bool>
    {
        public override IReadOnlyList<Key> Keys => [];

        protected override string Noun => "the process cloud";

        protected override bool Build(Fields fields) => true;
    }
}
