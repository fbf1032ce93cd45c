namespace Sentinel.Service.Admin.Documents;

/// <summary>An estimate, in the currency in which prices are configured.</summary>
/// <param name="Cost">What running cost.</param>
/// <param name="OnDemand">What it would have cost on demand throughout.</param>
/// <param name="Saved">The difference.</param>
internal sealed record CostDocument(double Cost, double OnDemand, double Saved)
{
    public static CostDocument Of((double Cost, double OnDemand) estimate) => new(Math.Round(estimate.Cost, 4), Math.Round(estimate.OnDemand, 4), Math.Round(estimate.OnDemand - estimate.Cost, 4));

    /// <summary>For people.</summary>
    public override string ToString() => $"cost {Cost:0.00##}, and {OnDemand:0.00##} on demand throughout: {Saved:0.00##} saved";
}
