using System.Diagnostics.CodeAnalysis;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Routing;

/// <summary>The routes of one host, by path prefix. Immutable.</summary>
internal sealed class PathTable
{
    private readonly Dictionary<string, Destination>.AlternateLookup<ReadOnlySpan<char>> _prefixes;
    private readonly int _longest;

    public PathTable(IEnumerable<RouteSettings> routes)
    {
        var prefixes = new Dictionary<string, Destination>(StringComparer.Ordinal);
        foreach (var route in routes)
        {
            prefixes.TryAdd((route.Path ?? "").TrimEnd('/'), new(route.Pool, route.Port));
        }

        _prefixes = prefixes.GetAlternateLookup<ReadOnlySpan<char>>();
        _longest = prefixes.Count == 0 ? -1 : prefixes.Keys.Max(prefix => prefix.Length);
    }

    /// <summary>The longest prefix that ends where a segment does.</summary>
    public bool TryMatch(ReadOnlySpan<char> path, [NotNullWhen(true)] out Destination? destination)
    {
        destination = null;
        if (_longest < 0)
        {
            return false;
        }

        // What is longer than every prefix is not hashed: a client chooses its path, not what looking it up costs.
        var candidate = path.Length <= _longest ? path
            : path[_longest] == '/' ? path[.._longest]
            : Parent(path[.._longest]);
        while (!_prefixes.TryGetValue(candidate, out destination))
        {
            if (candidate.IsEmpty)
            {
                return false;
            }

            candidate = Parent(candidate);
        }

        return true;
    }

    private static ReadOnlySpan<char> Parent(ReadOnlySpan<char> path) => path[..Math.Max(path.LastIndexOf('/'), 0)];
}
