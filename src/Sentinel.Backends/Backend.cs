namespace Sentinel.Backends;

/// <summary>One backend as it was when its snapshot was published. Immutable but for <see cref="Load"/>.</summary>
public sealed record Backend
{
    /// <summary>What the configuration says of it.</summary>
    public required BackendDefinition Definition { get; init; }

    /// <summary>What was last found out about it.</summary>
    public required BackendStatus Status { get; init; }

    /// <summary>When it last became healthy, by the table's own clock, which nobody sets. <see cref="DateTimeOffset.MinValue"/> if it was healthy when first seen.</summary>
    public DateTimeOffset HealthySince { get; init; }

    /// <summary>Its open connections, now. The same object in every snapshot.</summary>
    public required BackendLoad Load { get; init; }

    /// <summary>Its name.</summary>
    public BackendId Id => Definition.Id;

    /// <summary>The host to dial: an IP address or a name; null while none is known.</summary>
    public string? Address => Status.Address ?? Definition.Address;

    /// <summary>Whether a pool may send it a new connection.</summary>
    public bool TakesNew => Status is { Healthy: true, State: BackendState.Serving or BackendState.Suspect } && Address is not null;
}

/// <summary>What the configuration says of a backend, as far as every room needs it.</summary>
public sealed record BackendDefinition
{
    /// <summary>Its name.</summary>
    public required BackendId Id { get; init; }

    /// <summary>provider/zone/name or process/NAME; null if it is watched and never started.</summary>
    public string? Instance { get; init; }

    /// <summary>The configured host; null if it follows the instance.</summary>
    public string? Address { get; init; }

    /// <summary>Active/standby order, lowest first.</summary>
    public int Priority { get; init; }

    /// <summary>Most users that placement may put here; null: no limit.</summary>
    public int? Capacity { get; init; }

    /// <summary>Container networks behind it, as address/prefix length.</summary>
    public EquatableList<string> Networks { get; init; } = [];

    /// <summary>How it connects out to the sentinel; null: it can be reached.</summary>
    public TunnelDefinition? Tunnel { get; init; }

    /// <summary>Share of the traffic relative to the other members of a pool, at least 1.</summary>
    public int Weight { get; init; } = 100;
}

/// <summary>What recovery found out about a backend, published whole.</summary>
/// <param name="State">Where it stands.</param>
/// <param name="Healthy">Whether its checks pass, by its thresholds.</param>
/// <param name="Since">When it entered <paramref name="State"/>.</param>
/// <param name="Reason">Why, in a few words for people.</param>
/// <param name="Address">The address found for its instance; null to use the configured one.</param>
public sealed record BackendStatus(BackendState State, bool Healthy, DateTimeOffset Since, string Reason, string? Address = null);

/// <summary>Open connections of one backend: counted by forwarding, read by pools, recovery and status. Thread-safe.</summary>
public sealed class BackendLoad
{
    private int _connections;

    /// <summary>Connections that are open, or being opened, now.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Counts one in; balanced by <see cref="Exit"/>.</summary>
    public void Enter() => Interlocked.Increment(ref _connections);

    /// <summary>Counts one out.</summary>
    public void Exit() => Interlocked.Decrement(ref _connections);
}
