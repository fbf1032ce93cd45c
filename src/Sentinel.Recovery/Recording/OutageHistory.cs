namespace Sentinel.Recovery.Recording;

/// <summary>What is on record of one backend, as far back as records are kept.</summary>
/// <param name="Preemptions">How often it was preempted.</param>
/// <param name="LastPreemption">When last.</param>
/// <param name="Open">The outage that is on, if one is.</param>
/// <param name="LastOutage">How long the last one took that is over.</param>
/// <param name="TypicalOutage">The median of the last ones; null without any. Outages that people made last are left out.</param>
public sealed record OutageHistory(
    int Preemptions, DateTimeOffset? LastPreemption, OutageRecord? Open, TimeSpan? LastOutage, TimeSpan? TypicalOutage)
{
    /// <summary>How long its instance ran since the daemon began.</summary>
    public RunTime Ran { get; init; }

    /// <summary>What it costs; null: nobody says.</summary>
    public BackendPrices? Prices { get; init; }

    /// <summary>When the next attempt is due.</summary>
    public DateTimeOffset? NextAttempt => Open?.NextAttempt;
}
