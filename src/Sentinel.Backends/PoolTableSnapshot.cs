using System.Collections.Immutable;

namespace Sentinel.Backends;

/// <summary>Every backend and pool at one moment. Immutable; read it once per decision.</summary>
public sealed class PoolTableSnapshot
{
    internal PoolTableSnapshot(long version, ImmutableDictionary<BackendId, Backend> backends, ImmutableDictionary<PoolId, Pool> pools) =>
        (Version, Backends, Pools) = (version, backends, pools);

    /// <summary>Grows by one with every change.</summary>
    public long Version { get; }

    /// <summary>All backends by name.</summary>
    public ImmutableDictionary<BackendId, Backend> Backends { get; }

    /// <summary>All pools by name.</summary>
    public ImmutableDictionary<PoolId, Pool> Pools { get; }
}
