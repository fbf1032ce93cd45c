using System.Collections.Immutable;

namespace Sentinel.Recovery.Outages;

/// <summary>One outage from its beginning to its end: what the record keeps of it.</summary>
internal sealed record Outage
{
    private const int FirstKept = 50;
    private const int LastKept = 150;

    /// <summary>Sorts by time: <c>20261122T101500Z-spot-1</c>.</summary>
    public required string Id { get; init; }

    /// <summary>When it was noticed.</summary>
    public required DateTimeOffset OpenedAt { get; init; }

    /// <summary>When it was over; null while it lasts.</summary>
    public DateTimeOffset? ClosedAt { get; init; }

    /// <summary>The newest that is known.</summary>
    public required OutageCause Cause { get; init; }

    /// <summary>The run that ended; null while none is known to have ended.</summary>
    public Incarnation? Ended { get; init; }

    /// <summary>Attempts begun so far.</summary>
    public int Attempts { get; init; }

    /// <summary>What the last attempt was: zero for the VM as it is, else which of the fallbacks, from one.</summary>
    public int Rung { get; init; }

    /// <summary>Attempts that were fallbacks: the back-off does not grow by them.</summary>
    public int Climbed { get; init; }

    /// <summary>The run that the sentinel itself stopped; null if none.</summary>
    public Incarnation? StoppedByUs { get; init; }

    /// <summary>Whether the last attempt's outcome is unknown: after a crash the same attempt is made again.</summary>
    public bool Unanswered { get; init; }

    /// <summary>When the next attempt is due; null while one is under way or none is meant.</summary>
    public DateTimeOffset? NextAttempt { get; init; }

    /// <summary>A person said that it may be started though a person had stopped it.</summary>
    public bool Released { get; init; }

    /// <summary>Whether it was reported as slow.</summary>
    public bool SlowTold { get; init; }

    /// <summary>Requests to the cloud that were made for it.</summary>
    public int Calls { get; init; }

    /// <summary>What was alerted in its course, a bit for each thing that is told once.</summary>
    public int Alerted { get; init; }

    /// <summary>When the instance stopped, if the cloud knows.</summary>
    public DateTimeOffset? StoppedAt { get; init; }

    /// <summary>How often it was preempted in the course of this outage.</summary>
    public int Preemptions { get; init; }

    /// <summary>When that happened last.</summary>
    public DateTimeOffset? PreemptedAt { get; init; }

    /// <summary>When the first attempt began.</summary>
    public DateTimeOffset? RequestedAt { get; init; }

    /// <summary>When the instance was last seen to come up.</summary>
    public DateTimeOffset? RunningAt { get; init; }

    /// <summary>When the first of the checks passed that ended it.</summary>
    public DateTimeOffset? PassedAt { get; init; }

    /// <summary>
    /// Nobody was let down so far: a first start that has not failed. Not recorded and not counted until it fails.
    /// </summary>
    public bool IsQuiet { get; init; }

    /// <summary>What happened, oldest first; the middle of a long story is left out.</summary>
    public ImmutableList<OutageEntry> Timeline { get; init; } = [];

    /// <summary>How many lines of the timeline were left out.</summary>
    public int Omitted { get; init; }

    /// <summary>From when it counts: the stop itself where that is known, else when it was noticed.</summary>
    public DateTimeOffset BeganAt => StoppedAt < OpenedAt ? StoppedAt.Value : OpenedAt;

    /// <summary>How long it lasted; null while it lasts.</summary>
    public TimeSpan? Duration => ClosedAt - BeganAt;

    /// <summary>Adds a line, and drops one from the middle once there are many: an outage may last for weeks.</summary>
    public Outage With(OutageEntry entry) => Timeline.Count < FirstKept + LastKept
        ? this with { Timeline = Timeline.Add(entry) }
        : this with { Timeline = Timeline.RemoveAt(FirstKept).Add(entry), Omitted = Omitted + 1 };

    /// <summary>The same outage after the clock was set; what is in the timeline stays as it was written.</summary>
    public Outage Shifted(TimeSpan by) => this with
    {
        OpenedAt = OpenedAt + by,
        NextAttempt = NextAttempt + by,
        StoppedAt = StoppedAt + by,
        PreemptedAt = PreemptedAt + by,
        RequestedAt = RequestedAt + by,
        RunningAt = RunningAt + by,
        PassedAt = PassedAt + by,
    };
}
