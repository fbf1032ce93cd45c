using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Sentinel.Backends;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>An IPv6 address, or an IPv4-mapped one (RFC 4291 §2.5.5.2).</summary>
[InlineArray(16)]
internal struct AddressBytes
{
    private byte _first;
}

/// <summary>An IP address and port without an object, and its form in system calls (ip(7), ipv6(7)).</summary>
internal unsafe struct SocketName
{
    /// <summary>Bytes of the longest form, <c>sockaddr_in6</c>.</summary>
    public const int MaxLength = 28;

    public const ushort FamilyV4 = 2;
    public const ushort FamilyV6 = 10;

    private AddressBytes _address;
    private ushort _port;
    private readonly uint _scope;

    public SocketName(IPAddress address, int port)
    {
        address.MapToIPv6().TryWriteBytes(_address, out _);
        _port = (ushort)port;
        _scope = address.AddressFamily == AddressFamily.InterNetworkV6 ? (uint)address.ScopeId : 0;
    }

    /// <summary>Reads what <c>accept4</c> wrote.</summary>
    public SocketName(byte* source)
    {
        _port = BinaryPrimitives.ReadUInt16BigEndian(new(source + 2, 2));
        if (*(ushort*)source == FamilyV4)
        {
            Span<byte> bytes = _address;
            bytes[10] = bytes[11] = 0xff;
            new ReadOnlySpan<byte>(source + 4, 4).CopyTo(bytes[12..]);
        }
        else
        {
            new ReadOnlySpan<byte>(source + 8, 16).CopyTo(_address);
            _scope = Unsafe.ReadUnaligned<uint>(source + 24);
        }
    }

    /// <summary>The same address with another port.</summary>
    public readonly SocketName WithPort(int port) => this with { _port = (ushort)port };

    public readonly bool IsV4
    {
        get
        {
            ReadOnlySpan<byte> bytes = _address;
            return BinaryPrimitives.ReadUInt64BigEndian(bytes) == 0 && BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]) == 0x0000ffff;
        }
    }

    /// <summary>Who this client counts as.</summary>
    public readonly ClientAddress ClientAddress => ClientAddress.OfV6(_address);

    /// <summary>Writes the form of system calls and says how long it is.</summary>
    public readonly int Write(byte* target)
    {
        new Span<byte>(target, MaxLength).Clear();
        BinaryPrimitives.WriteUInt16BigEndian(new(target + 2, 2), _port);
        ReadOnlySpan<byte> bytes = _address;
        if (IsV4)
        {
            *(ushort*)target = FamilyV4;
            bytes[12..].CopyTo(new(target + 4, 4));
            return 16;
        }

        *(ushort*)target = FamilyV6;
        bytes.CopyTo(new(target + 8, 16));
        Unsafe.WriteUnaligned(target + 24, _scope);
        return MaxLength;
    }

    /// <summary>For people and logs; IPv4-mapped addresses as IPv4. Allocates.</summary>
    public readonly IPEndPoint ToEndPoint()
    {
        var address = new IPAddress(_address, _scope);
        return new(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, _port);
    }
}
