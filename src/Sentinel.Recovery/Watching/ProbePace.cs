using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Watching;

/// <summary>Who is checked more often than its interval says: those whose next check may change something soon.</summary>
internal static class ProbePace
{
    /// <summary>How long something that went down is looked at closely, in case it comes back at once.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(1);

    /// <summary>Whether a verdict is pending.</summary>
    public static bool IsPending(OutageState state, DateTimeOffset now) => state.Phase switch
    {
        OutagePhase.Unknown or OutagePhase.Starting or OutagePhase.Verifying => true,
        OutagePhase.Suspect => state.Healthy || state.Passes > 0 || now - state.Since < Fresh,
        OutagePhase.Waiting => state.Passes > 0,
        _ => false,
    };
}
