using System.Net;
using System.Net.Sockets;

namespace Sentinel.Jump.Penalties;

/// <summary>Whom penalties fall on: an IPv4 address, or an IPv6 /64, of which one customer has as many addresses as he likes.</summary>
internal readonly record struct Source
{
    private Source(IPAddress network) => Network = network;

    /// <summary>The address, or the first one of the network.</summary>
    public IPAddress Network { get; }

    /// <summary>Whether it is an IPv6 network.</summary>
    public bool IsV6 => Network.AddressFamily == AddressFamily.InterNetworkV6;

    /// <summary>Where an address belongs.</summary>
    public static Source Of(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            return new(address.MapToIPv4());
        }

        var bytes = address.GetAddressBytes();
        if (bytes.Length == 16)
        {
            bytes.AsSpan(8).Clear();
        }

        return new(new IPAddress(bytes));
    }

    /// <inheritdoc/>
    public override string ToString() => IsV6 ? $"{Network}/64" : $"{Network}";
}
