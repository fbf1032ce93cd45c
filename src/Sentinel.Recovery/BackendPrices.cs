namespace Sentinel.Recovery;

/// <summary>What an hour of a VM costs, in whatever currency its owner counts.</summary>
/// <param name="Spot">As a spot VM.</param>
/// <param name="OnDemand">On demand.</param>
public sealed record BackendPrices(double Spot, double OnDemand)
{
    /// <summary>What running costs, and what it would cost on demand throughout.</summary>
    /// <param name="ran">How long it ran as a spot VM.</param>
    /// <param name="ranOnDemand">How long it ran on demand.</param>
    /// <param name="span">How long it was wanted, down or not.</param>
    public (double Cost, double OnDemand) Of(TimeSpan ran, TimeSpan ranOnDemand, TimeSpan span) =>
        ((ran.TotalHours * Spot) + (ranOnDemand.TotalHours * OnDemand), span.TotalHours * OnDemand);
}
