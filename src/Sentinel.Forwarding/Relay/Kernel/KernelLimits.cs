using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;

namespace Sentinel.Forwarding.Relay.Kernel;

/// <summary>What the kernel cannot do, in sentences for the administrator.</summary>
public static class KernelLimits
{
    /// <summary>Why a listener cannot have this engine; null if it can.</summary>
    public static string? Refusal(ListenerSettings settings) =>
        settings.Protocol != ListenerProtocol.Tcp ? "engine kernel carries protocol tcp only; choose another engine"
        : settings.IdleTimeout > TimeSpan.Zero ? "engine kernel has no idleTimeout; leave it out or choose another engine"
        : settings.ProxyProtocol != ProxyProtocol.None || settings.AcceptProxyProtocolFrom.Count > 0
            ? "engine kernel passes on packets and neither writes nor reads a PROXY header; leave out proxyProtocol and acceptProxyProtocolFrom or choose another engine"
        : settings.Transparent ? "engine kernel lets backends see this machine's address; leave out transparent or choose another engine"
        : null;

    /// <summary>Why a pool cannot be served by this engine; null if it can.</summary>
    public static string? Refusal(PoolDefinition pool) => pool.Policy switch
    {
        PoolPolicy.ActiveStandby or PoolPolicy.RoundRobin => null,
        PoolPolicy.ClientAffinity =>
            $"engine kernel cannot pick by clientAffinity (pool {pool.Id}): its hash is not the one that other sentinels use; choose activeStandby, roundRobin or another engine",
        _ => $"engine kernel cannot pick by {char.ToLowerInvariant($"{pool.Policy}"[0])}{$"{pool.Policy}"[1..]} (pool {pool.Id}):"
            + " the kernel does not know the load; choose activeStandby, roundRobin or another engine",
    };

    /// <summary>Why a backend's address cannot be written into a rule; null and the address if it can.</summary>
    internal static string? Refusal(BackendId backend, string? host, out IPAddress address)
    {
        address = IPAddress.None;
        if (!IPAddress.TryParse(host, out var parsed))
        {
            return $"backend {backend} has the name {host} for an address, and engine kernel needs an IP address";
        }

        address = parsed.IsIPv4MappedToIPv6 ? parsed.MapToIPv4() : parsed;
        return IPAddress.IsLoopback(address) ? $"backend {backend} is on loopback ({host}), where the kernel forwards nothing"
            : address.IsIPv6LinkLocal ? $"backend {backend} has a link-local address ({host}), which needs an interface that a rule cannot name"
            : null;
    }

    /// <summary>Why this machine forwards nothing for these addresses; null if it does.</summary>
    /// <param name="proc">Normally <c>/proc/sys/net</c>: that of the network namespace we are in.</param>
    internal static string? Refusal(IEnumerable<AddressFamily> families, string proc = "/proc/sys/net")
    {
        var missing = families.Distinct()
            .Select(family => family == AddressFamily.InterNetwork ? "ipv4/ip_forward" : "ipv6/conf/all/forwarding")
            .Where(setting => !IsOn(Path.Combine(proc, setting)))
            .Select(setting => $"net.{setting.Replace('/', '.')}=1")
            .ToImmutableArray();
        return missing.IsEmpty ? null
            : $"engine kernel needs a machine that forwards packets: run sysctl -w {string.Join(' ', missing)} and write the same into /etc/sysctl.d/";
    }

    /// <summary>Explains what nft complained of.</summary>
    internal static string Explain(string complaint) =>
        complaint.Contains("not permitted", StringComparison.Ordinal)
            ? "engine kernel needs CAP_NET_ADMIN for this process and the nft it starts; run the service as root or give its unit AmbientCapabilities=CAP_NET_ADMIN"
            : $"nft refused our table: {complaint.ReplaceLineEndings(" ")}";

    private static bool IsOn(string setting)
    {
        try
        {
            return File.ReadAllText(setting).Trim() != "0";
        }
        catch (IOException)
        {
            // IPv6 switched off: nothing to forward
            return false;
        }
    }
}
