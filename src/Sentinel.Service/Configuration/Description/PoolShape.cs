using Sentinel.Backends;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Description;

/// <summary>One of <c>pools</c>.</summary>
internal sealed class PoolShape : ObjectShape<PoolDefinition>
{
    private static readonly PoolDefinition Defaults = new() { Id = default, Backends = [] };

    private static readonly Key<EquatableList<BackendId>> Backends = Key.Required("backends",
        new ListShape<BackendId>("backends", Forms.Backend, atLeast: 1, distinct: true),
        "Its members.");

    private static readonly Key<PoolPolicy> Policy = Key.Default("policy", new WordShape<PoolPolicy>([]), Defaults.Policy,
        "activeStandby: the healthy backend of lowest priority; clientAffinity: the same client keeps the same backend; leastConnections: fewest open connections per weight; roundRobin: in turn, by weight.");

    private static readonly Key<TimeSpan> FailbackAfter = Key.Default("failbackAfter", Forms.Duration, Defaults.FailbackAfter,
        "activeStandby: how long a better backend must have been healthy before it takes over again.");

    public override IReadOnlyList<Key> Keys { get; } = [Backends, Policy, FailbackAfter];

    protected override string Noun => "a pool";

    protected override void Check(Fields fields)
    {
        if (fields.Has(FailbackAfter) && fields.Try(Policy, out var policy) && policy != PoolPolicy.ActiveStandby)
        {
            fields.Fail(FailbackAfter, "policy activeStandby, or no failbackAfter", "failbackAfter in a pool that has no standby");
        }
    }

    protected override PoolDefinition Build(Fields fields) => new()
    {
        Id = new(fields.Node.Name),
        Backends = fields.Get(Backends),
        Policy = fields.Get(Policy),
        FailbackAfter = fields.Get(FailbackAfter),
    };
}
