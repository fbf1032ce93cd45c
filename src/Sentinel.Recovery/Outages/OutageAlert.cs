namespace Sentinel.Recovery.Outages;

/// <summary>What people want to be told of when it happens.</summary>
public enum OutageAlert
{
    /// <summary>The cloud took a VM.</summary>
    Preempted,

    /// <summary>An outage is over.</summary>
    Recovered,

    /// <summary>An outage lasts longer than it should.</summary>
    Slow,

    /// <summary>The cloud refuses: no capacity, a quota, a permission, something that is configured wrongly.</summary>
    Capacity,

    /// <summary>Too many outages lately.</summary>
    Flapping,

    /// <summary>It is left alone because a person stopped it.</summary>
    Held,
}
