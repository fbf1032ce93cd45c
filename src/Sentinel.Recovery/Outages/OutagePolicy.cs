using Sentinel.Backends;

namespace Sentinel.Recovery.Outages;

/// <summary>How an outage is handled: the <c>recovery</c> part of the configuration.</summary>
public sealed record OutagePolicy
{
    /// <summary>Whether there is an instance to start at all; without one the backend is only watched. Set by recovery itself.</summary>
    public bool CanStart { get; init; }

    /// <summary>Wait before acting on a stopped VM.</summary>
    public TimeSpan StartAfter { get; init; }

    /// <summary>Whether a VM that a person stopped is started again too, instead of being held.</summary>
    public bool RestartWhenUserStopped { get; init; }

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

    /// <summary>How a VM that is gone is made again; null: it is not.</summary>
    public Recreation? Recreate { get; init; }

    /// <summary>What is tried, in order, once a start found no capacity.</summary>
    public EquatableList<Fallback> Fallbacks { get; init; } = [];

    /// <summary>Whether health is found out by probes; if not, an instance that runs is healthy. Set by recovery itself.</summary>
    internal bool Probed { get; init; } = true;

    /// <summary>Passes in a row that make a backend healthy. Set from its health settings.</summary>
    internal int HealthyAfter { get; init; } = 2;

    /// <summary>Failures in a row that make it unhealthy. Set from its health settings.</summary>
    internal int UnhealthyAfter { get; init; } = 2;

    /// <summary>How it may run on demand; null: not.</summary>
    internal Fallback.OnDemand? OnDemand => Fallbacks.OfType<Fallback.OnDemand>().FirstOrDefault();

    /// <summary>Whether what is down is left alone because a person stopped or deleted it.</summary>
    internal bool MustHold(Outage outage) => outage is { Cause: OutageCause.User or OutageCause.Deleted, Released: false } && !RestartWhenUserStopped;

    /// <summary>How long to wait after the given failed attempt, counted from one.</summary>
    /// <param name="seed">Spreads backends that failed together; the same seed and attempt give the same wait.</param>
    /// <returns>80–100 % of the doubled wait, so that the jitter never exceeds <see cref="BackoffMax"/>.</returns>
    internal TimeSpan BackoffAfter(int attempt, ulong seed)
    {
        var nominal = BackoffInitial * Math.Pow(2, Math.Clamp(attempt - 1, 0, 30));
        nominal = nominal > BackoffMax ? BackoffMax : nominal;
        return nominal * (0.8 + (0.2 * Spread.Fraction(seed + (ulong)attempt)));
    }
}
