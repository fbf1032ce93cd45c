namespace Sentinel.Service.Demo;

/// <summary>How a demo is to go.</summary>
internal sealed record DemoSettings
{
    /// <summary>How long a VM takes to come up: long enough to see the standby take over.</summary>
    public TimeSpan Boot { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Preempts the active VM so often; null: only when asked.</summary>
    public TimeSpan? PreemptEvery { get; init; }

    /// <summary>Ends after so long; null: when asked.</summary>
    public TimeSpan? For { get; init; }
}
