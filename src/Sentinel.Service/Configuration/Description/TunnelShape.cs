using Sentinel.Backends;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Description;

/// <summary><c>backends.*.tunnel</c>.</summary>
internal sealed class TunnelShape : ObjectShape<TunnelDefinition>
{
    private static readonly Key<EquatableList<string>> PublicKeys = Key.Required("keys",
        new ListShape<string>("public keys", UserShape.PublicKey, atLeast: 1, distinct: true), "The public keys of the VM's tunnel; two while one takes the other's place.");

    private static readonly Key<EquatableList<int>> Ports = Key.Default("ports",
        new ListShape<int>("ports", Forms.Port, atLeast: 1, distinct: true), [22], "The VM's ports that can be reached through it.");

    public override IReadOnlyList<Key> Keys { get; } = [PublicKeys, Ports];

    protected override string Noun => "a tunnel";

    protected override TunnelDefinition Build(Fields fields) => new(fields.Get(PublicKeys), fields.Get(Ports));
}
