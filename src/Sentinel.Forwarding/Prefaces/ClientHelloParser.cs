using System.Buffers;
using System.Buffers.Binary;

namespace Sentinel.Forwarding.Prefaces;

/// <summary>
/// Reads a ClientHello (RFC 8446 §4.1.2, and as it was in RFC 5246 §7.4.1.2) out of the records that carry it (RFC 8446
/// §5.1), however they cut it up. A pure function of the bytes from the first one on: asked again with more of them, it
/// never goes back on a verdict.
/// </summary>
internal static class ClientHelloParser
{
    /// <summary>
    /// Bytes that may come before the verdict. Browsers send 2 KiB with a post-quantum key share; a hello with 16 KiB of
    /// extensions fits, even if it comes in records of a hundred bytes.
    /// </summary>
    public const int MostBytes = 24 * 1024;

    private const int RecordHeader = 5;
    private const int LargestRecord = 16 * 1024;
    private const int MessageHeader = 4;

    // Version, random, and the least that the lists behind them can be.
    private const int SmallestHello = 2 + 32 + 1 + 4 + 2;

    private const byte HandshakeRecord = 22;
    private const byte ClientHelloMessage = 1;

    // Longer than every method that is registered, the longest of which is UPDATEREDIRECTREF.
    private const int LongestMethod = 24;

    /// <param name="start">What has been peeked so far, from the first byte on.</param>
    /// <param name="hello">The hello, if there is one.</param>
    public static TlsPreface Read(ReadOnlySpan<byte> start, out ClientHello hello)
    {
        hello = default;
        if (start.IsEmpty)
        {
            return TlsPreface.Undecided;
        }

        return start[0] == HandshakeRecord ? ReadRecords(start, out hello) : ReadMethod(start);
    }

    private static TlsPreface ReadRecords(ReadOnlySpan<byte> start, out ClientHello hello)
    {
        hello = default;
        Span<byte> header = stackalloc byte[MessageHeader];
        if (Copy(start, 0, header) is not TlsPreface.Hello and var cut)
        {
            return cut;
        }

        var length = (int)(BinaryPrimitives.ReadUInt32BigEndian(header) & 0xFFFFFF);
        if (header[0] != ClientHelloMessage || length is < SmallestHello or > MostBytes)
        {
            return TlsPreface.Malformed;
        }

        var body = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            var message = body.AsSpan(0, length);
            var there = Copy(start, MessageHeader, message);
            return there != TlsPreface.Hello ? there
                : HelloFields.TryRead(message, out hello) ? TlsPreface.Hello
                : TlsPreface.Malformed;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(body);
        }
    }

    /// <summary>Copies a part of the message that the records carry. What follows it may be anything, early data for example.</summary>
    /// <returns><see cref="TlsPreface.Hello"/> if it is all there.</returns>
    private static TlsPreface Copy(ReadOnlySpan<byte> records, int from, Span<byte> target)
    {
        var rest = records;
        while (!target.IsEmpty)
        {
            if (rest is [not HandshakeRecord, ..] or [_, not 3, ..] or [_, _, > 4, ..])
            {
                return TlsPreface.Malformed;
            }

            if (rest.Length < RecordHeader)
            {
                return More(records);
            }

            var length = BinaryPrimitives.ReadUInt16BigEndian(rest[3..]);
            if (length is 0 or > LargestRecord)
            {
                return TlsPreface.Malformed;
            }

            var there = rest.Slice(RecordHeader, Math.Min(length, rest.Length - RecordHeader));
            rest = rest[(RecordHeader + there.Length)..];
            var isCut = there.Length < length;
            var skipped = Math.Min(from, there.Length);
            from -= skipped;
            there = there[skipped..];
            there = there[..Math.Min(there.Length, target.Length)];
            there.CopyTo(target);
            target = target[there.Length..];
            if (isCut && !target.IsEmpty)
            {
                return More(records);
            }
        }

        return TlsPreface.Hello;
    }

    private static TlsPreface More(ReadOnlySpan<byte> start) => start.Length < MostBytes ? TlsPreface.Undecided : TlsPreface.Malformed;

    /// <summary>Whether it begins like a request line: a method in capitals, a space, and a target (RFC 9112 §3).</summary>
    private static TlsPreface ReadMethod(ReadOnlySpan<byte> start)
    {
        var letters = start.IndexOfAnyExceptInRange((byte)'A', (byte)'Z');
        if (letters < 0)
        {
            return start.Length <= LongestMethod ? TlsPreface.Undecided : TlsPreface.Foreign;
        }

        return letters is > 0 and <= LongestMethod && start[letters] == ' ' ? TlsPreface.PlainHttp : TlsPreface.Foreign;
    }
}
