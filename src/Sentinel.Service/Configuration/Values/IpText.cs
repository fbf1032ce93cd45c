using System.Net;
using System.Net.Sockets;

namespace Sentinel.Service.Configuration.Values;

/// <summary>IP addresses as people write them today: .NET also takes 10.1, 010.0.0.1 and 0x7f000001, which hide mistakes.</summary>
internal static class IpText
{
    /// <summary>Four decimal numbers, or IPv6 without brackets. IPv4 in an IPv6 coat is refused: its sockets are IPv4.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out IPAddress address)
    {
        address = IPAddress.None;
        var isV6 = text.Contains(':');
        if (text.ContainsAny('[', ']') || !IPAddress.TryParse(text, out var parsed))
        {
            return false;
        }

        address = parsed;
        return isV6 ? parsed.AddressFamily == AddressFamily.InterNetworkV6 && !parsed.IsIPv4MappedToIPv6 : text.SequenceEqual(parsed.ToString());
    }
}
