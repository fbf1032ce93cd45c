namespace Sentinel.Backends;

/// <summary>The name of a backend, as the configuration file gives it.</summary>
public readonly record struct BackendId(string Name)
{
    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>The name of a pool, as the configuration file gives it.</summary>
public readonly record struct PoolId(string Name)
{
    /// <inheritdoc/>
    public override string ToString() => Name;
}
