namespace Sentinel.Recovery.Outages;

/// <summary>One line of an outage's timeline.</summary>
/// <param name="At">When.</param>
/// <param name="What">What happened.</param>
/// <param name="Source">Who told.</param>
/// <param name="Detail">For people.</param>
public sealed record OutageEntry(DateTimeOffset At, OutageMark What, OutageSource Source, string Detail);

/// <summary>What a line of a timeline tells.</summary>
public enum OutageMark
{
    /// <summary>The outage began.</summary>
    Opened,

    /// <summary>The VM will be preempted.</summary>
    Noticed,

    /// <summary>The notice did not come true.</summary>
    NoticeLapsed,

    /// <summary>The instance is on its way down.</summary>
    Stopping,

    /// <summary>The instance stopped.</summary>
    Stopped,

    /// <summary>The cause turned out to be another one.</summary>
    CauseFound,

    /// <summary>A start was asked for.</summary>
    StartRequested,

    /// <summary>A reset was asked for.</summary>
    ResetRequested,

    /// <summary>It was asked for that a VM that is gone be made again.</summary>
    RecreateRequested,

    /// <summary>It was asked for that the VM come up as something else.</summary>
    FallbackRequested,

    /// <summary>The sentinel asked for its stop: a drill, or the way back to spot.</summary>
    StopRequested,

    /// <summary>A request to the cloud was answered, or was not.</summary>
    Called,

    /// <summary>The attempt was accepted.</summary>
    Accepted,

    /// <summary>The attempt was refused.</summary>
    Refused,

    /// <summary>The attempt failed after it was accepted.</summary>
    Failed,

    /// <summary>The attempt did not lead to a healthy backend in time.</summary>
    TimedOut,

    /// <summary>The instance runs.</summary>
    Running,

    /// <summary>The next attempt was put off.</summary>
    Waiting,

    /// <summary>Too many outages lately: a pause.</summary>
    Flapping,

    /// <summary>It runs and has not answered for too long.</summary>
    Hung,

    /// <summary>The outage lasts longer than it should.</summary>
    Slow,

    /// <summary>A person stopped it; it is left alone.</summary>
    Held,

    /// <summary>A person let go of it.</summary>
    Released,

    /// <summary>A person asked for recovery now.</summary>
    Asked,

    /// <summary>The daemon was restarted and goes on where it was.</summary>
    Resumed,

    /// <summary>The outage is over: it passes its checks.</summary>
    Closed,

    /// <summary>The outage is over: the backend is no longer configured.</summary>
    Removed,
}

/// <summary>Who told.</summary>
public enum OutageSource
{
    /// <summary>Its checks.</summary>
    Probe,

    /// <summary>The cloud.</summary>
    Cloud,

    /// <summary>The VM itself.</summary>
    Guest,

    /// <summary>A person.</summary>
    Operator,

    /// <summary>The sentinel: a wait was over, a limit reached.</summary>
    Sentinel,
}
