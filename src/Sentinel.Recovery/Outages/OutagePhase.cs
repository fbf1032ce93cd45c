using Sentinel.Backends;

namespace Sentinel.Recovery.Outages;

/// <summary>Where recovery of one backend stands, with what only matters there.</summary>
/// <param name="Shown">As status shows it, unless it is drained.</param>
internal abstract record OutagePhase(BackendState Shown)
{
    /// <summary>No verdict yet.</summary>
    public sealed record Unknown() : OutagePhase(BackendState.Unknown);

    /// <summary>Passes its checks.</summary>
    public sealed record Serving() : OutagePhase(BackendState.Serving);

    /// <summary>Runs, as far as is known, and fails checks: healthy still, or no longer.</summary>
    public sealed record Suspect() : OutagePhase(BackendState.Suspect);

    /// <summary>Will be preempted.</summary>
    /// <param name="Until">When the notice is taken to have been wrong.</param>
    public sealed record Noticed(DateTimeOffset Until) : OutagePhase(BackendState.Noticed);

    /// <summary>On its way down, or down and not yet acted upon.</summary>
    /// <param name="ActAt">When to start it; null while it has not stopped.</param>
    public sealed record Stopping(DateTimeOffset? ActAt) : OutagePhase(BackendState.Stopping);

    /// <summary>An attempt is under way: asked for, or accepted and not seen running.</summary>
    /// <param name="Deadline">When it has failed.</param>
    public sealed record Starting(DateTimeOffset Deadline) : OutagePhase(BackendState.Starting);

    /// <summary>Runs, and is not healthy yet.</summary>
    /// <param name="Deadline">When the attempt has failed.</param>
    public sealed record Verifying(DateTimeOffset Deadline) : OutagePhase(BackendState.Verifying);

    /// <summary>Between two attempts.</summary>
    /// <param name="Until">When the next one is due.</param>
    public sealed record Waiting(DateTimeOffset Until) : OutagePhase(BackendState.Waiting);

    /// <summary>A person stopped it.</summary>
    public sealed record Held() : OutagePhase(BackendState.Held);

    /// <summary>The same phase after the clock was set.</summary>
    public OutagePhase Shifted(TimeSpan by) => this switch
    {
        Noticed noticed => new Noticed(noticed.Until + by),
        Stopping stopping => new Stopping(stopping.ActAt + by),
        Starting starting => new Starting(starting.Deadline + by),
        Verifying verifying => new Verifying(verifying.Deadline + by),
        Waiting waiting => new Waiting(waiting.Until + by),
        _ => this,
    };
}
