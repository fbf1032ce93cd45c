using System.Collections.Immutable;

namespace Sentinel.Backends.Picking;

/// <summary>The fewest open connections per weight; among equals in turn, so that idle backends share.</summary>
internal sealed class LeastConnectionsPicker : IPicker
{
    private uint _turn;

    public Backend Pick(ImmutableArray<Backend> eligible, ImmutableArray<Backend> active, ClientAddress client)
    {
        var start = (int)(Interlocked.Increment(ref _turn) % (uint)eligible.Length);
        var best = eligible[start];
        var bestConnections = (long)best.Load.Connections;
        for (var i = 1; i < eligible.Length; i++)
        {
            var candidate = eligible[(start + i) % eligible.Length];
            var connections = (long)candidate.Load.Connections;

            // connections/weight compared without division
            if (connections * best.Definition.Weight < bestConnections * candidate.Definition.Weight)
            {
                (best, bestConnections) = (candidate, connections);
            }
        }

        return best;
    }
}
