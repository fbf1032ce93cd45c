using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Routing;

/// <summary>
/// A listener's routes, most specific first: the exact host, then the longest <c>*.</c> suffix, then no host; within
/// each the longest path. Immutable. A lookup costs as much with ten thousand routes as with ten.
/// </summary>
internal sealed class RouteTable
{
    // RFC 1035 §2.3.4. A longer name is nobody's, and is not worth hashing label by label.
    private const int LongestHost = 253;

    private readonly Dictionary<string, PathTable>.AlternateLookup<ReadOnlySpan<char>> _hosts;
    private readonly Dictionary<string, PathTable>.AlternateLookup<ReadOnlySpan<char>> _suffixes;
    private readonly PathTable _anyHost;
    private readonly Destination _otherwise;

    /// <param name="routes">In any order. Of two alike the first counts; configuration refuses the second.</param>
    /// <param name="otherwise">Where everything else goes.</param>
    public RouteTable(IReadOnlyList<RouteSettings> routes, Destination otherwise)
    {
        _otherwise = otherwise;
        _anyHost = new(routes.Where(route => route.Host is null));
        _hosts = ByHost(routes, wildcard: false);
        _suffixes = ByHost(routes, wildcard: true);
    }

    /// <summary>Where a request goes.</summary>
    /// <param name="host">As the client wrote it: a port, capitals and a final dot do not matter. Empty if it named none.</param>
    /// <param name="path">Decoded, without the query; compared with regard to case and by whole segments.</param>
    public Destination Match(ReadOnlySpan<char> host, ReadOnlySpan<char> path)
    {
        host = BareHost(host);
        if (host.Length is > 0 and <= LongestHost)
        {
            if (_hosts.TryGetValue(host, out var paths) && paths.TryMatch(path, out var destination))
            {
                return destination;
            }

            // from the longest suffix to the shortest; *.example.com does not cover example.com itself
            var rest = host;
            for (var dot = rest.IndexOf('.'); dot >= 0; dot = rest.IndexOf('.'))
            {
                rest = rest[(dot + 1)..];
                if (_suffixes.TryGetValue(rest, out paths) && paths.TryMatch(path, out destination))
                {
                    return destination;
                }
            }
        }

        return _anyHost.TryMatch(path, out var any) ? any : _otherwise;
    }

    private static ReadOnlySpan<char> BareHost(ReadOnlySpan<char> host)
    {
        if (host is ['[', ..])
        {
            var end = host.IndexOf(']');
            return end < 0 ? [] : host[..(end + 1)];
        }

        var colon = host.IndexOf(':');
        host = colon < 0 ? host : host[..colon];
        return host is [.. var name, '.'] ? name : host;
    }

    private static Dictionary<string, PathTable>.AlternateLookup<ReadOnlySpan<char>> ByHost(IReadOnlyList<RouteSettings> routes, bool wildcard) =>
        routes
            .Where(route => route.Host is { } host && host.StartsWith("*.", StringComparison.Ordinal) == wildcard)
            .GroupBy(route => wildcard ? route.Host![2..] : route.Host!, StringComparer.OrdinalIgnoreCase)
            .ToDictionary(group => group.Key, group => new PathTable(group), StringComparer.OrdinalIgnoreCase)
            .GetAlternateLookup<ReadOnlySpan<char>>();
}
