namespace Sentinel.Testing.FakeGce;

/// <summary>How long things take. The defaults are what a small spot VM takes in practice.</summary>
public sealed record GceTiming
{
    /// <summary>From an accepted request to its operation running.</summary>
    public TimeSpan Accept { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>From there to a VM that runs, or to the news that the zone has no capacity.</summary>
    public TimeSpan Provision { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>From a VM that runs to a guest that listens.</summary>
    public TimeSpan Boot { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>From STOPPING to TERMINATED, or to gone.</summary>
    public TimeSpan Stop { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>From the metadata server's notice to STOPPING. In practice they come together.</summary>
    public TimeSpan Notice { get; init; }

    /// <summary>From a preemption to its system event, and to the time that the event bears.</summary>
    public TimeSpan EventLag { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>What a test on a real clock waits for.</summary>
    public static GceTiming Quick { get; } = new()
    {
        Accept = TimeSpan.FromMilliseconds(50),
        Provision = TimeSpan.FromMilliseconds(200),
        Boot = TimeSpan.FromMilliseconds(50),
        Stop = TimeSpan.FromMilliseconds(600),
        EventLag = TimeSpan.FromMilliseconds(100),
    };
}
