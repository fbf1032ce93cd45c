using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Clouds;

/// <summary>What a cloud says of one instance.</summary>
/// <param name="Condition">What it does.</param>
/// <param name="Incarnation">The run that goes on, or the one that ended.</param>
/// <param name="Address">Where it answers; null if the cloud does not say.</param>
/// <param name="Stop">Why it stopped; null unless <paramref name="Condition"/> is stopping, stopped or gone.</param>
/// <param name="OnDemand">Whether it runs at full price.</param>
internal sealed record InstanceReport(InstanceCondition Condition, Incarnation Incarnation, string? Address = null, InstanceStop? Stop = null, bool OnDemand = false);

/// <summary>Why an instance stopped.</summary>
/// <param name="Cause">As far as the cloud knows.</param>
/// <param name="At">When, by the sentinel's clock; null if the cloud does not say.</param>
/// <param name="Detail">For people.</param>
internal sealed record InstanceStop(OutageCause Cause, DateTimeOffset? At, string Detail);

/// <summary>What an instance does.</summary>
internal enum InstanceCondition
{
    /// <summary>The cloud cannot be asked.</summary>
    Unseen,

    /// <summary>It runs, or boots.</summary>
    Running,

    /// <summary>It is on its way down.</summary>
    Stopping,

    /// <summary>It is down and can be started.</summary>
    Stopped,

    /// <summary>It does not exist.</summary>
    Gone,
}
