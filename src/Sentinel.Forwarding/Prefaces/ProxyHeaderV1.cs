using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Sentinel.Forwarding.Prefaces;

/// <summary>The text form: <c>PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n</c> (proxy-protocol.txt §2.1).</summary>
internal static class ProxyHeaderV1
{
    private static ReadOnlySpan<byte> Start => "PROXY "u8;

    public static ProxyHeaderVerdict Read(ReadOnlySpan<byte> bytes, out ProxyHeader header, out int length)
    {
        (header, length) = (default, 0);
        var known = Math.Min(bytes.Length, Start.Length);
        if (!bytes[..known].SequenceEqual(Start[..known]))
        {
            return ProxyHeaderVerdict.Invalid;
        }

        var line = bytes[..Math.Min(bytes.Length, ProxyHeader.MaxV1Length)];
        var end = line.IndexOf("\r\n"u8);
        if (end < 0)
        {
            return bytes.Length < ProxyHeader.MaxV1Length ? ProxyHeaderVerdict.Incomplete : ProxyHeaderVerdict.Invalid;
        }

        length = end + 2;
        return TryParse(line[Start.Length..end], out header) ? ProxyHeaderVerdict.Complete : ProxyHeaderVerdict.Invalid;
    }

    public static int Write(ProxyHeader header, Span<byte> target)
    {
        var text = header.TryNormalise(out var source, out var destination)
            ? $"PROXY TCP{(source.AddressFamily == AddressFamily.InterNetwork ? 4 : 6)} {Text(source)} {Text(destination)} {source.Port} {destination.Port}\r\n"
            : "PROXY UNKNOWN\r\n";
        return Encoding.ASCII.GetBytes(text, target);
    }

    private static bool TryParse(ReadOnlySpan<byte> line, out ProxyHeader header)
    {
        header = default;
        if (line.SequenceEqual("UNKNOWN"u8) || line.StartsWith("UNKNOWN "u8))
        {
            return true; // whatever follows is to be ignored
        }

        var family = line.StartsWith("TCP4 "u8) ? AddressFamily.InterNetwork
            : line.StartsWith("TCP6 "u8) ? AddressFamily.InterNetworkV6
            : AddressFamily.Unknown;
        Span<Range> words = stackalloc Range[6];
        if (family == AddressFamily.Unknown || line.Count((byte)' ') != 4)
        {
            return false;
        }

        var rest = line[5..];
        var count = 0;
        foreach (var word in rest.Split((byte)' '))
        {
            words[count++] = word;
        }

        if (!TryAddress(rest[words[0]], family, out var source) || !TryAddress(rest[words[1]], family, out var destination)
            || !TryPort(rest[words[2]], out var sourcePort) || !TryPort(rest[words[3]], out var destinationPort))
        {
            return false;
        }

        header = new(new(source, sourcePort), new(destination, destinationPort));
        return true;
    }

    private static bool TryAddress(ReadOnlySpan<byte> text, AddressFamily family, out IPAddress address)
    {
        // IPAddress also takes short and octal forms of IPv4, brackets and scopes; the protocol has none of them.
        address = IPAddress.None;
        Span<char> characters = stackalloc char[ProxyHeader.MaxV1Length];
        var length = Encoding.ASCII.GetChars(text, characters);
        if (characters[..length].ContainsAny("[]%/") || !IPAddress.TryParse(characters[..length], out var parsed) || parsed.AddressFamily != family)
        {
            return false;
        }

        address = parsed;
        return family == AddressFamily.InterNetworkV6 || parsed.ToString().AsSpan().SequenceEqual(characters[..length]);
    }

    private static bool TryPort(ReadOnlySpan<byte> text, out int port) =>
        Utf8Parser.TryParse(text, out port, out var used) && used == text.Length && port is >= 0 and <= ushort.MaxValue && text[0] != '+'
        && (text.Length == 1 || text[0] != '0');

    private static string Text(IPEndPoint endPoint) =>
        endPoint.AddressFamily == AddressFamily.InterNetworkV6 ? new IPAddress(endPoint.Address.GetAddressBytes()).ToString() : endPoint.Address.ToString();
}
