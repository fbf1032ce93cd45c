namespace Sentinel.Backends;

/// <summary>How a pool picks one of its backends.</summary>
public enum PoolPolicy
{
    /// <summary>The healthy backend of lowest priority; back to a better one once that has been healthy for a while.</summary>
    ActiveStandby,

    /// <summary>Rendezvous hash of the client's address: the same user keeps the same backend.</summary>
    ClientAffinity,

    /// <summary>The fewest open connections per weight.</summary>
    LeastConnections,

    /// <summary>In turn, by weight.</summary>
    RoundRobin,
}

/// <summary>What the configuration says of a pool.</summary>
public sealed record PoolDefinition
{
    /// <summary>Its name.</summary>
    public required PoolId Id { get; init; }

    /// <summary>Its members, in the order of the file.</summary>
    public required IReadOnlyList<BackendId> Backends { get; init; }

    /// <summary>How it picks.</summary>
    public PoolPolicy Policy { get; init; }

    /// <summary>Active/standby: how long a better backend must have been healthy before it takes over again.</summary>
    public TimeSpan FailbackAfter { get; init; } = TimeSpan.FromSeconds(30);
}
