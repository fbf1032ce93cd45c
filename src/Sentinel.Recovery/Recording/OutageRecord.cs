using System.Collections.Immutable;
using Sentinel.Backends;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Recording;

/// <summary>An outage as the flight recorder keeps it: one JSON file, enough to tell the story and to go on after a crash.</summary>
public sealed record OutageRecord
{
    /// <summary>Also the file's name. Sorts by time: <c>20261122T101500Z-spot-1</c>.</summary>
    public required string Id { get; init; }

    /// <summary>Whose outage.</summary>
    public required string Backend { get; init; }

    /// <summary>What is started, as the configuration writes it; null if it is watched only.</summary>
    public string? Instance { get; init; }

    /// <summary>Why, as far as is known.</summary>
    public required OutageCause Cause { get; init; }

    /// <summary>When it was noticed.</summary>
    public required DateTimeOffset OpenedAt { get; init; }

    /// <summary>When it was over; null while it lasts.</summary>
    public DateTimeOffset? ClosedAt { get; init; }

    /// <summary>Attempts begun.</summary>
    public int Attempts { get; init; }

    /// <summary>When the next one is due; null while one is under way or none is meant.</summary>
    public DateTimeOffset? NextAttempt { get; init; }

    /// <summary>How often it was preempted in its course.</summary>
    public int Preemptions { get; init; }

    /// <summary>When that happened last.</summary>
    public DateTimeOffset? PreemptedAt { get; init; }

    /// <summary>Where the time went; parts that are not known are null.</summary>
    public OutageDurations Durations { get; init; } = new();

    /// <summary>What happened, oldest first.</summary>
    public ImmutableList<OutageEntry> Timeline { get; init; } = [];

    /// <summary>Lines left out of the middle of a long timeline.</summary>
    public int Omitted { get; init; }

    /// <summary>The run that ended, as its cloud counts them.</summary>
    public long? Ended { get; init; }

    /// <summary>Which fallback the last attempt was, from one; zero: none.</summary>
    public int Rung { get; init; }

    /// <summary>Attempts that were fallbacks.</summary>
    public int Climbed { get; init; }

    /// <summary>The run that the sentinel itself stopped.</summary>
    public long? StoppedByUs { get; init; }

    /// <summary>Whether the last attempt's outcome is not known.</summary>
    public bool Unanswered { get; init; }

    /// <summary>Whether a person let go of it.</summary>
    public bool Released { get; init; }

    /// <summary>Whether it was reported as slow.</summary>
    public bool SlowTold { get; init; }

    /// <summary>Requests to the cloud that were made for it; watching is not counted.</summary>
    public int Calls { get; init; }

    /// <summary>Who had to wait for its pools meanwhile, and what became of them.</summary>
    public OutageWaits? Waits { get; init; }

    /// <summary>Whether the instance last came up on demand.</summary>
    public bool OnDemand { get; init; }

    /// <summary>What was alerted, a bit for each thing that is told once.</summary>
    public int Alerted { get; init; }

    /// <summary>When the instance stopped, if its cloud knows.</summary>
    public DateTimeOffset? StoppedAt { get; init; }

    /// <summary>When the first attempt began.</summary>
    public DateTimeOffset? RequestedAt { get; init; }

    /// <summary>When the instance last came up.</summary>
    public DateTimeOffset? RunningAt { get; init; }

    /// <summary>When the first of the checks passed that ended it.</summary>
    public DateTimeOffset? PassedAt { get; init; }

    /// <summary>How long it lasted in all; null while it lasts.</summary>
    public TimeSpan? Duration => Durations.TotalSeconds is { } total ? TimeSpan.FromSeconds(total) : null;

    internal static OutageRecord Of(BackendId backend, string? instance, Outage outage) => new()
    {
        Id = outage.Id,
        Backend = backend.Name,
        Instance = instance,
        Cause = outage.Cause,
        OpenedAt = outage.OpenedAt,
        ClosedAt = outage.ClosedAt,
        Attempts = outage.Attempts,
        NextAttempt = outage.NextAttempt,
        Preemptions = outage.Preemptions,
        PreemptedAt = outage.PreemptedAt,
        Durations = OutageDurations.Of(outage),
        Timeline = outage.Timeline,
        Omitted = outage.Omitted,
        Ended = outage.Ended?.Order,
        Rung = outage.Rung,
        Climbed = outage.Climbed,
        StoppedByUs = outage.StoppedByUs?.Order,
        Unanswered = outage.Unanswered,
        Released = outage.Released,
        SlowTold = outage.SlowTold,
        Calls = outage.Calls,
        Alerted = outage.Alerted,
        StoppedAt = outage.StoppedAt,
        RequestedAt = outage.RequestedAt,
        RunningAt = outage.RunningAt,
        PassedAt = outage.PassedAt,
    };

    internal Outage ToOutage() => new()
    {
        Id = Id,
        OpenedAt = OpenedAt,
        ClosedAt = ClosedAt,
        Cause = Cause,
        Attempts = Attempts,
        NextAttempt = NextAttempt,
        Preemptions = Preemptions,
        PreemptedAt = PreemptedAt,
        Timeline = Timeline,
        Omitted = Omitted,
        Ended = Ended is { } ended ? new Incarnation(ended) : null,
        Rung = Rung,
        Climbed = Climbed,
        StoppedByUs = StoppedByUs is { } stopped ? new Incarnation(stopped) : null,
        Unanswered = Unanswered,
        Released = Released,
        SlowTold = SlowTold,
        Calls = Calls,
        Alerted = Alerted,
        StoppedAt = StoppedAt,
        RequestedAt = RequestedAt,
        RunningAt = RunningAt,
        PassedAt = PassedAt,
    };
}

/// <summary>Where an outage's time went, in seconds.</summary>
public sealed record OutageDurations
{
    /// <summary>From the stop to its being noticed; null where the cloud does not say when it stopped.</summary>
    public double? DetectedSeconds { get; init; }

    /// <summary>From the stop, or from its being noticed, to the first request.</summary>
    public double? StoppedSeconds { get; init; }

    /// <summary>From the first request to the instance running.</summary>
    public double? StartedSeconds { get; init; }

    /// <summary>From running to healthy.</summary>
    public double? HealthySeconds { get; init; }

    /// <summary>From the stop, or from its being noticed, to healthy.</summary>
    public double? TotalSeconds { get; init; }

    /// <summary>Our part: from the stop to the first request, and from the first check that passed to the last that was needed.</summary>
    public double? OursSeconds { get; init; }

    internal static OutageDurations Of(Outage outage) => new()
    {
        DetectedSeconds = outage.StoppedAt <= outage.OpenedAt ? Seconds(outage.OpenedAt - outage.StoppedAt) : null,
        StoppedSeconds = Seconds(outage.RequestedAt - outage.BeganAt),
        StartedSeconds = Seconds(outage.RunningAt - outage.RequestedAt),
        HealthySeconds = Seconds(outage.ClosedAt - outage.RunningAt),
        TotalSeconds = Seconds(outage.Duration),
        OursSeconds = Seconds(outage.RequestedAt - outage.BeganAt + (outage.ClosedAt - outage.PassedAt)),
    };

    private static double? Seconds(TimeSpan? span) => span is { } known ? Math.Round(known.TotalSeconds, 3) : null;
}
