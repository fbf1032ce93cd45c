using System.Net;
using System.Net.Sockets;
using Sentinel.Backends;

namespace Sentinel.Jump.Routes;

/// <summary>A route to a container network.</summary>
/// <param name="Network">Where to.</param>
/// <param name="Via">The VM in front of it, as it is reached now.</param>
/// <param name="Backend">Whose it is; for people.</param>
public sealed record ContainerRoute(IPNetwork Network, IPAddress Via, BackendId Backend);

/// <summary>A network that gets no route.</summary>
/// <param name="Network">Which.</param>
/// <param name="Why">As the end of a sentence about it.</param>
public sealed record Unrouted(string Network, string Why);

/// <summary>The routes that the container networks of backends need, and the networks that can have none.</summary>
/// <param name="Routes">In the order of networks.</param>
/// <param name="Unrouted">In the order of networks.</param>
public sealed record RoutePlan(IReadOnlyList<ContainerRoute> Routes, IReadOnlyList<Unrouted> Unrouted)
{
    /// <summary>What marks routes as ours: the protocol of rtnetlink(7), which no other known program uses.</summary>
    public const int Protocol = 83;

    /// <summary>Of our routes. Nobody else's has the same, so that ours stand beside theirs and never in their place, whatever the order.</summary>
    public const int Metric = 8383;

    /// <summary>Plans them.</summary>
    /// <param name="backends">Their names, networks as address/prefix length, and addresses; an address is null while none is known.</param>
    public static RoutePlan Of(IEnumerable<(BackendId Id, IReadOnlyList<string> Networks, string? Address)> backends)
    {
        var (routes, unrouted) = (new List<ContainerRoute>(), new List<Unrouted>());
        var all = backends.SelectMany(backend => backend.Networks.Select(text => (Network: IPNetwork.Parse(text), backend.Id, backend.Address))).ToList();
        foreach (var (network, id, address) in all.OrderBy(one => one.Network.ToString(), StringComparer.Ordinal).ThenBy(one => one.Id.Name, StringComparer.Ordinal))
        {
            var others = string.Join(", ", all.Where(other => other.Id != id && Overlap(other.Network, network)).Select(other => other.Id.Name).Distinct().Order(StringComparer.Ordinal));
            string? why = others.Length > 0 ? $"behind {id} and behind {others}: reached in two hops, through the backend"
                : address is null ? $"behind {id}, of which no address is known now"
                : !IPAddress.TryParse(address, out var via) ? $"behind {id}, whose address {address} is a name: a route wants an IP address"
                : via.AddressFamily != network.BaseAddress.AddressFamily ? $"behind {id}, whose address {address} is of the other family"
                : IPAddress.IsLoopback(via) ? $"behind {id}, which is reached through this machine itself: reached in two hops, through the backend"
                : null;
            if (why is null)
            {
                routes.Add(new(network, IPAddress.Parse(address!), id));
            }
            else
            {
                unrouted.Add(new(network.ToString(), why));
            }
        }

        return new(routes, unrouted);
    }

    /// <summary>A script that sets them, to read or to run as root; it can be run again at any time.</summary>
    public string Render() =>
        $"""
        #!/bin/sh
        # On the sentinel's machine, as root: the way to containers behind backends, where they are now.
        # The daemon does this by itself where it has CAP_NET_ADMIN. To undo it:
        #   ip -4 route flush proto {Protocol}; ip -6 route flush proto {Protocol}
        {string.Concat(Routes.Select(route => $"{string.Join(' ', Words("replace", route).Prepend("ip"))}  # {route.Backend}\n"))}{string.Concat(Unrouted.Select(one => $"# {one.Network}: {one.Why}\n"))}
        """.TrimEnd() + "\n";

    /// <summary>The arguments of <c>ip</c> for one.</summary>
    /// <param name="verb"><c>replace</c> or <c>del</c>.</param>
    internal static string[] Words(string verb, ContainerRoute route) =>
    [
        route.Via.AddressFamily == AddressFamily.InterNetworkV6 ? "-6" : "-4", "route", verb, route.Network.ToString(), "via", route.Via.ToString(), "metric", $"{Metric}", "proto", $"{Protocol}",
    ];

    private static bool Overlap(IPNetwork one, IPNetwork other) => one.Contains(other.BaseAddress) || other.Contains(one.BaseAddress);
}
