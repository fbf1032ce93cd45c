using System.Net;

namespace Sentinel.Forwarding.Prefaces;

/// <summary>Which form of the PROXY protocol (HAProxy's proxy-protocol.txt, 2.x) is written.</summary>
public enum ProxyProtocol
{
    /// <summary>None.</summary>
    None,

    /// <summary>One line of text.</summary>
    V1,

    /// <summary>Binary.</summary>
    V2,
}

/// <summary>What the bytes at the start of a connection turned out to be.</summary>
internal enum ProxyHeaderVerdict
{
    /// <summary>A header so far, and not all of it.</summary>
    Incomplete,

    /// <summary>A whole header.</summary>
    Complete,

    /// <summary>No header, or a malformed one: the connection must be closed.</summary>
    Invalid,
}

/// <summary>The addresses that a PROXY header carries. Reading and writing are pure; no more than <see cref="MaxLength"/> bytes are ever looked at.</summary>
/// <param name="Source">Who connected to the proxy; null if the header says LOCAL or UNKNOWN: the addresses of the connection itself count then.</param>
/// <param name="Destination">What he connected to; null as for <paramref name="Source"/>.</param>
internal readonly record struct ProxyHeader(IPEndPoint? Source, IPEndPoint? Destination)
{
    /// <summary>A binary header may say that more follows than this; nobody who means well sends it.</summary>
    public const int MaxLength = 2048;

    /// <summary>The longest line of the text form, its line break included.</summary>
    public const int MaxV1Length = 107;

    /// <summary>The longest header that <see cref="Write"/> makes.</summary>
    public const int MaxWritten = MaxV1Length;

    /// <summary>Reads a header from the start of what has arrived so far.</summary>
    /// <param name="length">Bytes to skip if the header is complete, unknown TLVs included.</param>
    public static ProxyHeaderVerdict Read(ReadOnlySpan<byte> bytes, out ProxyHeader header, out int length)
    {
        (header, length) = (default, 0);
        return bytes.IsEmpty ? ProxyHeaderVerdict.Incomplete
            : bytes[0] == ProxyHeaderV2.Signature[0] ? ProxyHeaderV2.Read(bytes, out header, out length)
            : bytes[0] == (byte)'P' ? ProxyHeaderV1.Read(bytes, out header, out length)
            : ProxyHeaderVerdict.Invalid;
    }

    /// <summary>Writes a header: source and destination as the client used them. Addresses of different families, or none, give UNKNOWN or LOCAL.</summary>
    /// <param name="target">At least <see cref="MaxWritten"/> bytes.</param>
    /// <returns>Bytes written; none for <see cref="ProxyProtocol.None"/>.</returns>
    public int Write(ProxyProtocol form, Span<byte> target) => form switch
    {
        ProxyProtocol.V1 => ProxyHeaderV1.Write(this, target),
        ProxyProtocol.V2 => ProxyHeaderV2.Write(this, target),
        _ => 0,
    };

    /// <summary>Both ends in one family, IPv4-mapped addresses as IPv4 wherever both are.</summary>
    internal bool TryNormalise(out IPEndPoint source, out IPEndPoint destination)
    {
        (source, destination) = (Source!, Destination!);
        if (Source is null || Destination is null)
        {
            return false;
        }

        (source, destination) = (Plain(Source), Plain(Destination));
        return source.AddressFamily == destination.AddressFamily;
    }

    private static IPEndPoint Plain(IPEndPoint endPoint) =>
        endPoint.Address.IsIPv4MappedToIPv6 ? new(endPoint.Address.MapToIPv4(), endPoint.Port) : endPoint;
}
