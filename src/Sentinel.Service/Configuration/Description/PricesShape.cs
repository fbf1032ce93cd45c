using Sentinel.Recovery;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Description;

/// <summary><c>prices</c>.</summary>
internal sealed class PricesShape : ObjectShape<BackendPrices>
{
    private static readonly Key<double> Spot = Key.Required("spot", new PriceShape(), "An hour as a spot VM.");

    private static readonly Key<double> OnDemand = Key.Required("onDemand", new PriceShape(), "An hour on demand.");

    public override IReadOnlyList<Key> Keys { get; } = [Spot, OnDemand];

    protected override string Noun => "prices";

    protected override BackendPrices Build(Fields fields) => new(fields.Get(Spot), fields.Get(OnDemand));
}
