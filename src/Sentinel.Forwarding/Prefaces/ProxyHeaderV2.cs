using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Sentinel.Forwarding.Prefaces;

/// <summary>The binary form: a signature of 12 bytes, version and command, family, length, addresses, TLVs (proxy-protocol.txt §2.2).</summary>
internal static class ProxyHeaderV2
{
    private const int Fixed = 16;
    private const int V4Length = 12;
    private const int V6Length = 36;
    private const int UnixLength = 216;

    public static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    public static ProxyHeaderVerdict Read(ReadOnlySpan<byte> bytes, out ProxyHeader header, out int length)
    {
        (header, length) = (default, 0);
        var known = Math.Min(bytes.Length, Signature.Length);
        if (!bytes[..known].SequenceEqual(Signature[..known]))
        {
            return ProxyHeaderVerdict.Invalid;
        }

        if (bytes.Length < Fixed)
        {
            return ProxyHeaderVerdict.Incomplete;
        }

        var (command, family) = (bytes[12], bytes[13]);
        length = Fixed + BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]);
        if (command is not (0x20 or 0x21) || length > ProxyHeader.MaxLength)
        {
            return ProxyHeaderVerdict.Invalid;
        }

        if (bytes.Length < length)
        {
            return ProxyHeaderVerdict.Incomplete;
        }

        var addresses = bytes[Fixed..length];
        switch (command, family)
        {
            case (0x20, _): // LOCAL: the proxy's own check; family and addresses are to be ignored
            case (0x21, 0x00): // UNSPEC
                return ProxyHeaderVerdict.Complete;
            case (0x21, 0x11) when addresses.Length >= V4Length:
                header = new(
                    new(new IPAddress(addresses[..4]), BinaryPrimitives.ReadUInt16BigEndian(addresses[8..])),
                    new(new IPAddress(addresses[4..8]), BinaryPrimitives.ReadUInt16BigEndian(addresses[10..])));
                return ProxyHeaderVerdict.Complete;
            case (0x21, 0x21) when addresses.Length >= V6Length:
                header = new(
                    new(new IPAddress(addresses[..16]), BinaryPrimitives.ReadUInt16BigEndian(addresses[32..])),
                    new(new IPAddress(addresses[16..32]), BinaryPrimitives.ReadUInt16BigEndian(addresses[34..])));
                return ProxyHeaderVerdict.Complete;
            case (0x21, 0x12) when addresses.Length >= V4Length: // datagrams, and Unix sockets of either kind:
            case (0x21, 0x22) when addresses.Length >= V6Length: // no address that a client of ours can have, so as if
            case (0x21, 0x31 or 0x32) when addresses.Length >= UnixLength: // there were none (proxy-protocol.txt §2.2)
                return ProxyHeaderVerdict.Complete;
            default: // no such family, or too short
                return ProxyHeaderVerdict.Invalid;
        }
    }

    public static int Write(ProxyHeader header, Span<byte> target)
    {
        Signature.CopyTo(target);
        if (!header.TryNormalise(out var source, out var destination))
        {
            target[12] = 0x20;
            target[13..Fixed].Clear();
            return Fixed;
        }

        var v4 = source.AddressFamily == AddressFamily.InterNetwork;
        var length = v4 ? V4Length : V6Length;
        target[12] = 0x21;
        target[13] = v4 ? (byte)0x11 : (byte)0x21;
        BinaryPrimitives.WriteUInt16BigEndian(target[14..], (ushort)length);
        var addresses = target.Slice(Fixed, length);
        source.Address.TryWriteBytes(addresses, out var size);
        destination.Address.TryWriteBytes(addresses[size..], out _);
        BinaryPrimitives.WriteUInt16BigEndian(addresses[(2 * size)..], (ushort)source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(addresses[((2 * size) + 2)..], (ushort)destination.Port);
        return Fixed + length;
    }
}
