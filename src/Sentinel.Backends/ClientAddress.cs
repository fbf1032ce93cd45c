using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Sentinel.Backends;

/// <summary>
/// The part of a client's address that stands for one user: a whole IPv4 address, or the /64 of an IPv6 one, since
/// privacy extensions (RFC 8981) change the rest from hour to hour. IPv4-mapped IPv6 counts as IPv4.
/// </summary>
public readonly record struct ClientAddress
{
    private readonly ulong _bits;
    private readonly bool _isV6;

    private ClientAddress(ulong bits, bool isV6) => (_bits, _isV6) = (bits, isV6);

    /// <summary>Reduces an address to what stands for its user.</summary>
    public static ClientAddress Of(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            address.TryWriteBytes(bytes, out _);
            return OfV4(BinaryPrimitives.ReadUInt32BigEndian(bytes));
        }

        address.TryWriteBytes(bytes, out _);
        return OfV6(bytes);
    }

    /// <summary>An IPv4 address as a number, most significant byte first.</summary>
    public static ClientAddress OfV4(uint address) => new(address, isV6: false);

    /// <summary>The 16 bytes of an IPv6 address, as they travel.</summary>
    public static ClientAddress OfV6(ReadOnlySpan<byte> bytes) =>
        BinaryPrimitives.ReadUInt64BigEndian(bytes) == 0 && BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]) == 0x0000ffff
            ? OfV4(BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]))
            : new(BinaryPrimitives.ReadUInt64BigEndian(bytes), isV6: true);

    /// <summary>
    /// A number spread over all 64 bits that is the same on every machine and in every version: sentinels that never
    /// spoke to each other must send a user to the same backend.
    /// </summary>
    internal ulong StableHash => Mix(_bits ^ (_isV6 ? 0x6a09e667f3bcc909UL : 0UL));

    /// <summary>The finaliser of SplitMix64 (Steele, Lea, Flood 2014).</summary>
    internal static ulong Mix(ulong value)
    {
        value += 0x9e3779b97f4a7c15;
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    }
}
