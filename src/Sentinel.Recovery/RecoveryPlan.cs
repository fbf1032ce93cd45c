using Sentinel.Recovery.Clouds.Gce;

namespace Sentinel.Recovery;

/// <summary>What <see cref="RecoveryService.Prepare"/> found out about a set of settings.</summary>
public sealed class RecoveryPlan
{
    internal RecoveryPlan(IReadOnlyList<BackendSettings> backends, GceSettings gce, IReadOnlyList<string> errors) => (Backends, Gce, Errors) = (backends, gce, errors);

    /// <summary>Why it cannot be committed, for people; empty if it can.</summary>
    public IReadOnlyList<string> Errors { get; }

    internal IReadOnlyList<BackendSettings> Backends { get; }

    internal GceSettings Gce { get; }
}

/// <summary>What became of an operator's request.</summary>
/// <param name="Result">Which of the three.</param>
/// <param name="Why">Why it makes no sense now, for people; null otherwise.</param>
public readonly record struct RequestOutcome(RequestResult Result, string? Why = null);

/// <summary>See <see cref="RequestOutcome"/>.</summary>
public enum RequestResult
{
    /// <summary>It is being done.</summary>
    Accepted,

    /// <summary>No backend of that name is configured.</summary>
    UnknownBackend,

    /// <summary>It makes no sense now.</summary>
    Refused,
}
