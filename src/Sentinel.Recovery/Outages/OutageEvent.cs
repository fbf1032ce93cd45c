namespace Sentinel.Recovery.Outages;

/// <summary>Something that happened to one backend. Events may come late, twice, out of order, or never.</summary>
/// <param name="At">When it was found out, by the sentinel's clock.</param>
internal abstract record OutageEvent(DateTimeOffset At);

/// <summary>Time has passed. Must come at <see cref="OutageStep.NextDue"/> at the latest.</summary>
/// <param name="Connections">Connections that are open to the backend.</param>
internal sealed record Ticked(DateTimeOffset At, int Connections) : OutageEvent(At);

/// <summary>A check passed.</summary>
/// <param name="BegunAt">When the check began: evidence from before the instance stopped or started counts for nothing.</param>
internal sealed record ProbePassed(DateTimeOffset At, DateTimeOffset BegunAt) : OutageEvent(At);

/// <summary>A check failed.</summary>
/// <param name="BegunAt">See <see cref="ProbePassed"/>.</param>
/// <param name="Why">For people.</param>
internal sealed record ProbeFailed(DateTimeOffset At, DateTimeOffset BegunAt, string Why) : OutageEvent(At);

/// <summary>The cloud says that the instance runs.</summary>
/// <param name="Address">Where it answers, if the cloud knows.</param>
/// <param name="OnDemand">It runs at full price, and is not taken away.</param>
internal sealed record InstanceRunning(DateTimeOffset At, Incarnation Incarnation, string? Address = null, bool OnDemand = false) : OutageEvent(At);

/// <summary>The cloud says that the instance is on its way down.</summary>
internal sealed record InstanceStopping(DateTimeOffset At, Incarnation Incarnation, OutageCause Cause) : OutageEvent(At);

/// <summary>The cloud says that the instance has stopped, or is gone.</summary>
/// <param name="Incarnation">The run that ended.</param>
/// <param name="StoppedAt">When, if the cloud knows.</param>
/// <param name="Detail">For people.</param>
/// <param name="IsGone">It does not exist any more. One that was never seen has no run of its own: the last that is known is meant.</param>
internal sealed record InstanceStopped(
    DateTimeOffset At, Incarnation Incarnation, OutageCause Cause, DateTimeOffset? StoppedAt, string Detail, bool IsGone = false) : OutageEvent(At);

/// <summary>The cloud cannot be asked for the time being: probes alone count.</summary>
internal sealed record InstanceUnseen(DateTimeOffset At) : OutageEvent(At);

/// <summary>The VM will be preempted within seconds.</summary>
internal sealed record PreemptionNoticed(DateTimeOffset At, string Detail) : OutageEvent(At);

/// <summary>A start or reset was done, as far as the cloud's part goes.</summary>
/// <param name="Ticket">Of the effect that this answers.</param>
internal sealed record AttemptAccepted(DateTimeOffset At, long Ticket, string Detail) : OutageEvent(At);

/// <summary>A start or reset was refused, or failed.</summary>
/// <param name="Ticket">Of the effect that this answers.</param>
internal sealed record AttemptRefused(DateTimeOffset At, long Ticket, Refusal Refusal, string Detail) : OutageEvent(At);

/// <summary>A request to the cloud was answered, or was not.</summary>
/// <param name="Method">As its API calls it.</param>
/// <param name="Result">A stable name.</param>
internal sealed record CloudCalled(DateTimeOffset At, string Method, string Result, TimeSpan Took) : OutageEvent(At);

/// <summary>A person asks for something.</summary>
internal sealed record OperatorAsked(DateTimeOffset At, OperatorRequest Request) : OutageEvent(At);

/// <summary>The wall clock was set: everything remembered moves along, so that no wait becomes longer or shorter.</summary>
/// <param name="At">By the new clock.</param>
/// <param name="By">How far it was set forward; negative for back.</param>
internal sealed record ClockStepped(DateTimeOffset At, TimeSpan By) : OutageEvent(At);

/// <summary>The backend is no longer configured.</summary>
internal sealed record Removed(DateTimeOffset At) : OutageEvent(At);

/// <summary>Why an attempt was refused, as far as it decides what to do next.</summary>
internal enum Refusal
{
    /// <summary>Something passing: busy, unreachable, a fault.</summary>
    Passing,

    /// <summary>The zone has no capacity.</summary>
    NoCapacity,

    /// <summary>A quota is used up: a person must act, and retries are slow.</summary>
    Quota,

    /// <summary>We may not: a person must act, and retries are slow.</summary>
    Permission,

    /// <summary>It is gone.</summary>
    Gone,

    /// <summary>What is configured cannot be started: a command that does not exist.</summary>
    Misconfigured,
}
