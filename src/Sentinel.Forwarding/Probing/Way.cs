using System.Globalization;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Probing;

/// <summary>One way that a listener may send a client: a backend, a port, and what the client would have asked for to get there.</summary>
/// <param name="Listener">The listener.</param>
/// <param name="Backend">The backend.</param>
/// <param name="Address">Where it answers; null if nobody knows.</param>
/// <param name="Port">The backend's port.</param>
/// <param name="Host">The route's host, with a label in place of a wildcard; null if it needs none.</param>
/// <param name="Path">The route's path.</param>
internal sealed record Way(ListenerSettings Listener, BackendId Backend, string? Address, int Port, string? Host, string Path)
{
    /// <summary>Stands for any name below a wildcard.</summary>
    private const string AnyLabel = "sentinel-probe";

    public string Place =>
        $"{Url(Address ?? "?")}:{Port.ToString(CultureInfo.InvariantCulture)}{(Host is null ? "" : $" for {Host}")}";

    /// <summary>A request as a client would send it: harmless, and the last on its connection.</summary>
    public string Request => $"GET {Path} HTTP/1.1\r\nHost: {Host ?? Url(Address!)}\r\nUser-Agent: sentinel-check\r\nAccept: */*\r\nConnection: close\r\n\r\n";

    /// <summary>All ways of a listener, none twice.</summary>
    public static IEnumerable<Way> Of(ListenerSettings listener, IReadOnlyList<PoolDefinition> pools, Func<BackendId, string?> addressOf)
    {
        var routes = listener.Routes.Select(route => (route.Pool, route.Port, route.Host, route.Path)).Append((listener.Pool, listener.Port, null, null));
        return routes.SelectMany(route => pools.Where(pool => pool.Id == route.Pool).SelectMany(pool => pool.Backends).Select(backend =>
            new Way(listener, backend, addressOf(backend), route.Port, Example(route.Host), route.Path ?? "/"))).Distinct();
    }

    private static string? Example(string? host) => host is ['*', .. var suffix] ? AnyLabel + suffix : host;

    private static string Url(string address) => address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;
}
