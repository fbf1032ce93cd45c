using System.Collections.Immutable;

namespace Sentinel.Backends.Picking;

/// <summary>
/// Weighted rendezvous hashing (Thaler and Ravishankar 1998; the logarithm method for weights): each backend draws a
/// number for this client, the best draw wins. Losing a backend moves only its own clients, who return with it.
/// </summary>
internal sealed class ClientAffinityPicker : IPicker
{
    public Backend Pick(ImmutableArray<Backend> eligible, ImmutableArray<Backend> active, ClientAddress client)
    {
        var best = eligible[0];
        var bestScore = double.NegativeInfinity;
        foreach (var backend in eligible)
        {
            var score = Score(client, backend);
            if (score > bestScore || (score == bestScore && string.CompareOrdinal(backend.Id.Name, best.Id.Name) < 0))
            {
                (best, bestScore) = (backend, score);
            }
        }

        return best;
    }

    private static double Score(ClientAddress client, Backend backend)
    {
        // FNV-1a over the name, mixed with the client: 53 bits of it make a fraction in (0, 1).
        var name = 0xcbf29ce484222325;
        foreach (var c in backend.Id.Name)
        {
            name = (name ^ c) * 0x100000001b3;
        }

        var draw = ((ClientAddress.Mix(name ^ client.StableHash) >> 11) + 0.5) / (1UL << 53);
        return backend.Definition.Weight / -Math.Log(draw);
    }
}
