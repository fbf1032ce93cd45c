using Sentinel.Backends;
using Sentinel.Recovery.Outages;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary><c>recreate</c>.</summary>
internal sealed class RecreateShape : ObjectShape<Recreation>
{
    private static readonly Key<string> Template = Key.Optional("template",
        new TextShape<string>(GceText.ExpectedTemplate, (text, _) => GceText.IsTemplate(text) ? text : Refusal.Plain),
        "The instance template that the VM is made from, by its full name. Default: what the VM was like when it last ran.");

    private static readonly Key<EquatableList<string>> DataDisks = Key.Default("dataDisks",
        new ListShape<string>("disks", new TextShape<string>("the name of a disk in the VM's zone", (text, _) => GceText.IsName(text) ? text : Refusal.Plain), distinct: true),
        (EquatableList<string>)[],
        "Disks of the VM's zone that it gets besides the others, once nobody holds them. They are never deleted.");

    public override IReadOnlyList<Key> Keys { get; } = [Template, DataDisks];

    protected override string Noun => "recreate";

    protected override Recreation Build(Fields fields) => new() { Template = fields.OrNull(Template), DataDisks = fields.Get(DataDisks) };
}
