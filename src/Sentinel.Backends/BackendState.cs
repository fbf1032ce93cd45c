namespace Sentinel.Backends;

/// <summary>Where a backend stands between serving and being brought back.</summary>
public enum BackendState
{
    /// <summary>No evidence yet.</summary>
    Unknown,

    /// <summary>Passes its checks and takes connections.</summary>
    Serving,

    /// <summary>Runs, as far as is known, and fails checks. Takes connections until it is unhealthy.</summary>
    Suspect,

    /// <summary>Still runs, and will be preempted within seconds. Takes no new connections.</summary>
    Noticed,

    /// <summary>On its way down, or down and not yet acted upon.</summary>
    Stopping,

    /// <summary>A start was asked for.</summary>
    Starting,

    /// <summary>The VM was gone and is being made again.</summary>
    Recreating,

    /// <summary>Up, and not yet healthy.</summary>
    Verifying,

    /// <summary>Between two attempts to bring it back.</summary>
    Waiting,

    /// <summary>A person stopped it; it is left alone until released.</summary>
    Held,

    /// <summary>Finishes its connections and takes no new ones.</summary>
    Draining,

    /// <summary>Drained: no connections left, takes none.</summary>
    Drained,
}

/// <summary>The names that status, metrics and logs use.</summary>
public static class BackendStateNames
{
    private static readonly string[] Names = [.. Enum.GetNames<BackendState>().Select(name => name.ToLowerInvariant())];

    /// <summary>All names, in the order of <see cref="BackendState"/>.</summary>
    public static IReadOnlyList<string> All => Names;

    /// <summary>The state's name in lower case.</summary>
    public static string ToName(this BackendState state) => Names[(int)state];
}
