namespace Sentinel.Recovery.Outages;

/// <summary>How spans of time are told to people.</summary>
internal static class Words
{
    /// <summary>As the configuration file writes them: <c>350ms</c>, <c>5s</c>, <c>1m30s</c>, <c>2h</c>.</summary>
    public static string Of(TimeSpan span) => span switch
    {
        { TotalSeconds: < 1 } => $"{span.TotalMilliseconds:0}ms",
        { TotalSeconds: < 10 } => $"{span.TotalSeconds:0.#}s",
        { TotalMinutes: < 1 } => $"{span.TotalSeconds:0}s",
        { TotalHours: < 1 } => span.Seconds == 0 ? $"{span.Minutes}m" : $"{span.Minutes}m{span.Seconds}s",
        _ => span.Minutes == 0 ? $"{(int)span.TotalHours}h" : $"{(int)span.TotalHours}h{span.Minutes}m",
    };

    /// <summary>What brought a backend down.</summary>
    public static string Of(OutageCause cause) => cause switch
    {
        OutageCause.Unhealthy => "checks failed",
        OutageCause.Preempted => "preempted",
        OutageCause.User => "stopped by a person",
        OutageCause.Guest => "stopped by itself",
        OutageCause.HostError => "host failed",
        OutageCause.Maintenance => "host maintenance",
        OutageCause.Deleted => "deleted",
        OutageCause.Ours => "stopped by the sentinel",
        OutageCause.NotStarted => "not started yet",
        _ => "stopped for a reason unknown",
    };
}
