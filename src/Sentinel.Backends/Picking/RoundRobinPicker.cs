using System.Collections.Immutable;

namespace Sentinel.Backends.Picking;

/// <summary>
/// Smooth weighted round robin: at each turn everyone earns his weight, the richest is picked and pays the sum of all.
/// Equal weights alternate strictly; unequal ones are interleaved instead of coming in runs.
/// </summary>
internal sealed class RoundRobinPicker : IPicker
{
    private readonly Lock _lock = new();
    private readonly Dictionary<BackendId, long> _credit = [];

    public Backend Pick(ImmutableArray<Backend> eligible, ImmutableArray<Backend> active, ClientAddress client)
    {
        lock (_lock)
        {
            var best = eligible[0];
            var bestCredit = long.MinValue;
            var total = 0L;
            foreach (var backend in eligible)
            {
                total += backend.Definition.Weight;
                var credit = _credit.GetValueOrDefault(backend.Id) + backend.Definition.Weight;
                _credit[backend.Id] = credit;
                if (credit > bestCredit)
                {
                    (best, bestCredit) = (backend, credit);
                }
            }

            _credit[best.Id] = bestCredit - total;
            return best;
        }
    }
}
