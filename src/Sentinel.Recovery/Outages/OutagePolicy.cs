namespace Sentinel.Recovery.Outages;

/// <summary>How an outage is handled: the <c>recovery</c> part of the configuration.</summary>
public sealed record OutagePolicy
{
    /// <summary>Whether there is an instance to start at all; without one the backend is only watched.</summary>
    public bool CanStart { get; init; }

    /// <summary>Wait before acting on a stopped VM.</summary>
    public TimeSpan StartAfter { get; init; }

    /// <summary>From an accepted start to a healthy backend; then the next attempt.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>Wait after the first failed attempt; doubles from there.</summary>
    public TimeSpan BackoffInitial { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest wait between attempts.</summary>
    public TimeSpan BackoffMax { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Running but unhealthy for so long: reset it. Zero: never.</summary>
    public TimeSpan HungAfter { get; init; }

    /// <summary>An outage longer than this is reported as slow. Zero: never.</summary>
    public TimeSpan SlowAfter { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>So many outages within <see cref="FlapWithin"/> bring a pause. Zero: never.</summary>
    public int FlapCount { get; init; } = 5;

    /// <summary>See <see cref="FlapCount"/>.</summary>
    public TimeSpan FlapWithin { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>How long the pause is.</summary>
    public TimeSpan FlapPause { get; init; } = TimeSpan.FromMinutes(10);
}
