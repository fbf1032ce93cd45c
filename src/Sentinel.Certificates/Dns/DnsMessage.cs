using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Sentinel.Certificates.Dns;

/// <summary>The kinds of records that are asked for (RFC 1035 §3.2.2, RFC 3596 §2.1).</summary>
internal enum DnsKind : ushort
{
    A = 1,
    Ns = 2,
    Cname = 5,
    Txt = 16,
    Aaaa = 28,
}

/// <summary>A record of an answer.</summary>
/// <param name="Owner">Lower case, no final dot.</param>
/// <param name="Data">An address, a name in lower case without its final dot, or a text, its parts joined.</param>
internal sealed record DnsRecord(string Owner, DnsKind Kind, string Data);

/// <summary>What a server answered.</summary>
/// <param name="Code">RFC 1035 §4.1.1: 0 for no error, 3 for a name that does not exist.</param>
/// <param name="IsTruncated">It did not fit; over TCP it does.</param>
internal sealed record DnsReply(int Code, bool IsTruncated, IReadOnlyList<DnsRecord> Answers)
{
    /// <summary>Whether the server knows, be it that there is none.</summary>
    public bool IsKnown => Code is 0 or 3;

    /// <summary>The code in words.</summary>
    public string Word => Code switch { 0 => "no such record", 1 => "FORMERR", 2 => "SERVFAIL", 3 => "NXDOMAIN", 4 => "NOTIMP", 5 => "REFUSED", _ => $"error {Code}" };
}

/// <summary>Questions and answers as bytes (RFC 1035 §4).</summary>
internal static class DnsMessage
{
    private const int HeaderLength = 12;
    private const int Internet = 1;
    private const int LongestName = 255;
    private const ushort Recursion = 0x0100;

    /// <summary>One question.</summary>
    /// <param name="recursive">For resolvers; an authoritative server answers from what it has.</param>
    public static byte[] Ask(ushort id, string name, DnsKind kind, bool recursive)
    {
        var message = new List<byte>(HeaderLength + name.Length + 6);
        Add(message, id);
        Add(message, recursive ? Recursion : (ushort)0);
        Add(message, 1);
        Add(message, 0);
        Add(message, 0);
        Add(message, 0);
        foreach (var label in name.Split('.'))
        {
            message.Add((byte)label.Length);
            message.AddRange(Encoding.ASCII.GetBytes(label));
        }

        message.Add(0);
        Add(message, (ushort)kind);
        Add(message, Internet);
        return [.. message];
    }

    /// <summary>Reads the answer to a question.</summary>
    /// <returns>Null if it is none, or not to this question.</returns>
    public static DnsReply? Read(ReadOnlySpan<byte> message, ushort id, string name, DnsKind kind)
    {
        // An answer has the highest bit of the flags, one question, and that is ours.
        if (message.Length < HeaderLength || Number(message, 0) != id || (message[2] & 0x80) == 0 || Number(message, 4) != 1)
        {
            return null;
        }

        var position = HeaderLength;
        if (Name(message, ref position) != name || position + 4 > message.Length || Number(message, position) != (ushort)kind)
        {
            return null;
        }

        position += 4;
        var records = new List<DnsRecord>();
        for (var left = Number(message, 6); left > 0; left--)
        {
            if (Name(message, ref position) is not { } owner || position + 10 > message.Length)
            {
                break;
            }

            var (type, length) = ((DnsKind)Number(message, position), Number(message, position + 8));
            position += 10;
            if (position + length > message.Length)
            {
                break;
            }

            if (Data(message, position, length, type) is { } data)
            {
                records.Add(new(owner, type, data));
            }

            position += length;
        }

        return new(message[3] & 0x0f, (message[2] & 0x02) != 0, records);
    }

    private static string? Data(ReadOnlySpan<byte> message, int position, int length, DnsKind kind) => kind switch
    {
        DnsKind.A when length == 4 => new IPAddress(message.Slice(position, length)).ToString(),
        DnsKind.Aaaa when length == 16 => new IPAddress(message.Slice(position, length)).ToString(),
        DnsKind.Ns or DnsKind.Cname => Name(message, ref position),
        DnsKind.Txt => Text(message.Slice(position, length)),
        _ => null,
    };

    private static string Text(ReadOnlySpan<byte> data)
    {
        var text = new StringBuilder(data.Length);
        while (!data.IsEmpty && data[0] < data.Length)
        {
            text.Append(Encoding.Latin1.GetString(data.Slice(1, data[0])));
            data = data[(1 + data[0])..];
        }

        return text.ToString();
    }

    /// <summary>Reads a name, lower case without its final dot, and moves past it. Pointers only lead backwards, so that it ends.</summary>
    private static string? Name(ReadOnlySpan<byte> message, ref int position)
    {
        var name = new StringBuilder();
        var (at, floor, end) = (position, position, -1);
        while (at < message.Length)
        {
            var length = message[at];
            if (length >= 0xc0)
            {
                if (at + 1 >= message.Length)
                {
                    return null;
                }

                end = end < 0 ? at + 2 : end;
                at = ((length & 0x3f) << 8) | message[at + 1];
                if (at >= floor)
                {
                    return null;
                }

                floor = at;
                continue;
            }

            if (length == 0)
            {
                position = end < 0 ? at + 1 : end;
                return name.ToString();
            }

            if (length > 63 || at + 1 + length > message.Length || name.Length + length > LongestName)
            {
                return null;
            }

            name.Append(name.Length > 0 ? "." : "").Append(Encoding.Latin1.GetString(message.Slice(at + 1, length)).ToLowerInvariant());
            at += 1 + length;
        }

        return null;
    }

    private static ushort Number(ReadOnlySpan<byte> message, int position) => BinaryPrimitives.ReadUInt16BigEndian(message[position..]);

    private static void Add(List<byte> message, ushort number)
    {
        message.Add((byte)(number >> 8));
        message.Add((byte)number);
    }
}
