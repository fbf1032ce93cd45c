namespace Sentinel.Recovery;

/// <summary>For how long an instance ran since the daemon knows it, and how.</summary>
/// <param name="Since">How long that is.</param>
/// <param name="Spot">As a spot VM, or as whatever it is.</param>
/// <param name="OnDemand">On demand.</param>
public readonly record struct RunTime(TimeSpan Since, TimeSpan Spot, TimeSpan OnDemand)
{
    /// <summary>A while later.</summary>
    internal RunTime After(TimeSpan passed, bool runs, bool onDemand) => new(
        Since + passed, Spot + (runs && !onDemand ? passed : default), OnDemand + (runs && onDemand ? passed : default));
}
