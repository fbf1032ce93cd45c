using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;

namespace Sentinel.Forwarding.Relay.Kernel;

/// <summary>
/// The messages of ctnetlink that we speak (netlink(7), linux/netfilter/nfnetlink_conntrack.h). Lengths and types are in
/// the machine's byte order, what comes from packets in the network's.
/// </summary>
internal static class TrackMessage
{
    /// <summary>nlmsghdr and nfgenmsg.</summary>
    public const int HeaderLength = 20;

    private const int NetlinkHeaderLength = 16;
    private const ushort Get = (1 << 8) | 1;
    private const ushort New = (1 << 8) | 0;
    private const ushort Remove = (1 << 8) | 2;
    private const ushort TypeError = 2;
    private const ushort TypeDone = 3;
    private const ushort FlagRequest = 1;
    private const ushort FlagAcknowledge = 4;
    private const ushort FlagDump = 0x300;

    private const int TupleOriginal = 1;
    private const int TupleReply = 2;
    private const int Status = 3;
    private const int ProtocolInfo = 4;
    private const int Id = 12;
    private const uint StatusDestinationRewritten = 1 << 5;

    private const int TupleAddresses = 1;
    private const int TupleProtocol = 2;
    private const int AddressV4Source = 1;
    private const int AddressV4Destination = 2;
    private const int AddressV6Source = 3;
    private const int AddressV6Destination = 4;
    private const int ProtocolNumber = 1;
    private const int ProtocolSourcePort = 2;
    private const int ProtocolDestinationPort = 3;
    private const int InfoTcp = 1;
    private const int InfoTcpState = 1;
    private const byte Tcp = 6;

    /// <summary>Asks for every connection whose destination was rewritten; kernels before 5.14 answer with all.</summary>
    public static byte[] Dump()
    {
        var message = new byte[HeaderLength + 8];
        WriteHeader(message, Get, FlagRequest | FlagDump, family: 0);
        WriteAttribute(message.AsSpan(HeaderLength), Status, StatusDestinationRewritten);
        return message;
    }

    /// <summary>Asks to forget a connection.</summary>
    /// <param name="entry">The message that told of it.</param>
    public static byte[] Forget(ReadOnlySpan<byte> entry)
    {
        var attributes = entry[HeaderLength..];
        var tuple = Whole(attributes, TupleOriginal);
        var id = Whole(attributes, Id);
        var message = new byte[HeaderLength + tuple.Length + id.Length];
        WriteHeader(message, Remove, FlagRequest | FlagAcknowledge, family: entry[NetlinkHeaderLength]);
        tuple.CopyTo(message.AsSpan(HeaderLength));
        id.CopyTo(message.AsSpan(HeaderLength + tuple.Length));
        return message;
    }

    /// <summary>Cuts the next message off what was received.</summary>
    /// <returns>False if nothing is left.</returns>
    public static bool TryNext(ref ReadOnlySpan<byte> received, out ReadOnlySpan<byte> message)
    {
        message = default;
        if (received.Length < NetlinkHeaderLength)
        {
            return false;
        }

        var length = MemoryMarshal.Read<int>(received);
        if (length < NetlinkHeaderLength || length > received.Length)
        {
            return false;
        }

        message = received[..length];
        received = received[Math.Min(Align(length), received.Length)..];
        return true;
    }

    /// <summary>Whether the message ends a dump or answers a request; and with which errno, 0 for success.</summary>
    public static bool IsEnd(ReadOnlySpan<byte> message, out int errno)
    {
        var type = MemoryMarshal.Read<ushort>(message[4..]);
        errno = type is TypeError or TypeDone && message.Length >= NetlinkHeaderLength + 4 ? -MemoryMarshal.Read<int>(message[NetlinkHeaderLength..]) : 0;
        return type is TypeError or TypeDone;
    }

    /// <summary>Reads what a message tells of a connection.</summary>
    /// <returns>Null if it is no TCP connection with a rewritten destination.</returns>
    public static TrackedFlow? Read(ReadOnlySpan<byte> message)
    {
        if (MemoryMarshal.Read<ushort>(message[4..]) != New || message.Length < HeaderLength)
        {
            return null;
        }

        var attributes = message[HeaderLength..];
        var status = Find(attributes, Status);
        if (status.Length < 4 || (BinaryPrimitives.ReadUInt32BigEndian(status) & StatusDestinationRewritten) == 0)
        {
            return null;
        }

        var state = Find(Find(Find(attributes, ProtocolInfo), InfoTcp), InfoTcpState);
        var original = Find(attributes, TupleOriginal);
        return EndPoint(original, AddressV4Source, AddressV6Source, ProtocolSourcePort) is { } client
            && EndPoint(original, AddressV4Destination, AddressV6Destination, ProtocolDestinationPort) is { } to
            && EndPoint(Find(attributes, TupleReply), AddressV4Source, AddressV6Source, ProtocolSourcePort) is { } backend
            ? new(client, to, backend, state.IsEmpty ? TrackedState.None : (TrackedState)state[0])
            : null;
    }

    private static IPEndPoint? EndPoint(ReadOnlySpan<byte> tuple, int v4, int v6, int port)
    {
        var protocol = Find(tuple, TupleProtocol);
        if (Find(protocol, ProtocolNumber) is not [Tcp, ..] || Find(protocol, port) is not { Length: >= 2 } number)
        {
            return null;
        }

        var addresses = Find(tuple, TupleAddresses);
        var address = Find(addresses, v4);
        address = address.IsEmpty ? Find(addresses, v6) : address;
        return address.Length is 4 or 16 ? new(new IPAddress(address), BinaryPrimitives.ReadUInt16BigEndian(number)) : null;
    }

    /// <summary>An attribute's content; empty if it is not there.</summary>
    private static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> attributes, int type)
    {
        var whole = Whole(attributes, type);
        return whole.IsEmpty ? whole : whole[4..MemoryMarshal.Read<ushort>(whole)];
    }

    /// <summary>An attribute with its header and padding; empty if it is not there.</summary>
    private static ReadOnlySpan<byte> Whole(ReadOnlySpan<byte> attributes, int type)
    {
        const int TypeMask = 0x3fff; // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
        while (attributes.Length >= 4)
        {
            var length = (int)MemoryMarshal.Read<ushort>(attributes);
            var aligned = Math.Min(Align(length), attributes.Length);
            if (length < 4 || length > attributes.Length)
            {
                break;
            }

            if ((MemoryMarshal.Read<ushort>(attributes[2..]) & TypeMask) == type)
            {
                return attributes[..aligned];
            }

            attributes = attributes[aligned..];
        }

        return [];
    }

    private static void WriteHeader(Span<byte> message, ushort type, int flags, byte family)
    {
        var length = message.Length;
        MemoryMarshal.Write(message, in length);
        MemoryMarshal.Write(message[4..], in type);
        var flagBits = (ushort)flags;
        MemoryMarshal.Write(message[6..], in flagBits);
        message[NetlinkHeaderLength] = family;
    }

    private static void WriteAttribute(Span<byte> attribute, ushort type, uint value)
    {
        const ushort Length = 8;
        var length = Length;
        MemoryMarshal.Write(attribute, in length);
        MemoryMarshal.Write(attribute[2..], in type);
        BinaryPrimitives.WriteUInt32BigEndian(attribute[4..], value);
    }

    private static int Align(int length) => (length + 3) & ~3;
}
