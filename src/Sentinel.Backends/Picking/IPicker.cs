using System.Collections.Immutable;

namespace Sentinel.Backends.Picking;

/// <summary>Picks one of several. Lives as long as its pool keeps its policy; called from many threads.</summary>
internal interface IPicker
{
    /// <param name="eligible">At least one backend.</param>
    /// <param name="active">Those of them that the pool prefers; may be empty.</param>
    /// <param name="client">Who asks.</param>
    Backend Pick(ImmutableArray<Backend> eligible, ImmutableArray<Backend> active, ClientAddress client);
}

internal static class Pickers
{
    public static IPicker For(PoolPolicy policy) => policy switch
    {
        PoolPolicy.ActiveStandby => new ActiveStandbyPicker(),
        PoolPolicy.ClientAffinity => new ClientAffinityPicker(),
        PoolPolicy.LeastConnections => new LeastConnectionsPicker(),
        PoolPolicy.RoundRobin => new RoundRobinPicker(),
        _ => throw new ArgumentOutOfRangeException(nameof(policy), policy, null),
    };
}
