using System.Net;
using System.Net.Sockets;

namespace Sentinel.Forwarding.Listeners;

/// <summary>Networks whose PROXY headers are believed. Immutable.</summary>
internal sealed class ProxyNetworks(IEnumerable<IPNetwork> networks)
{
    private static ReadOnlySpan<byte> MappedPrefix => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

    private readonly Range[] _ranges = [.. networks.Select(network => new Range(network))];

    /// <summary>Whether an address is in one of them. Allocates nothing.</summary>
    /// <param name="address">16 bytes; an IPv4 address as IPv4-mapped (RFC 4291 §2.5.5.2).</param>
    public bool Contains(ReadOnlySpan<byte> address)
    {
        var isV4 = address[..12].SequenceEqual(MappedPrefix);
        foreach (var range in _ranges)
        {
            if (range.Contains(address, isV4))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The same of an address as an object.</summary>
    public bool Contains(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.MapToIPv6().TryWriteBytes(bytes, out _);
        return Contains(bytes);
    }

    private sealed class Range(IPNetwork network)
    {
        private readonly bool _isV4 = network.BaseAddress.AddressFamily == AddressFamily.InterNetwork || network.BaseAddress.IsIPv4MappedToIPv6;
        private readonly byte[] _start = network.BaseAddress.MapToIPv6().GetAddressBytes();
        private readonly int _bits = network.PrefixLength + (network.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? 96 : 0);

        public bool Contains(ReadOnlySpan<byte> address, bool isV4)
        {
            var (whole, rest) = Math.DivRem(_bits, 8);

            // a wide IPv6 network has no say about IPv4
            return isV4 == _isV4 && address[..whole].SequenceEqual(_start.AsSpan(0, whole))
                && (rest == 0 || (address[whole] ^ _start[whole]) >> (8 - rest) == 0);
        }
    }
}
