using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.WebUtilities;
using Sentinel.Forwarding.Http.Upstreams.Http1;

namespace Sentinel.Forwarding.Http.Door;

/// <summary>Writes the head of a backend's answer for its client: the fields that pass as they are, and framing of our own.</summary>
internal static class AnswerLines
{
    // The status line without its reason, and what is said of date, framing, connection and HSTS.
    private const int MostOwn = 256;

    /// <param name="output">Towards the client.</param>
    /// <param name="head">The backend's.</param>
    /// <param name="isChunked">Whether the body comes in chunks.</param>
    /// <param name="length">What is said to be the body's length; null: nothing.</param>
    /// <param name="closes">Whether nothing comes after this answer.</param>
    /// <param name="hsts">The value of Strict-Transport-Security, if the backend gives none; null: none.</param>
    /// <param name="time">Dates what has no date.</param>
    public static void Write(PipeWriter output, AnswerHead head, bool isChunked, long? length, bool closes, string? hsts, TimeProvider time)
    {
        var target = Begin(output, head, out var hasDate, out var hasHsts, out var hasUpgrade);
        if (!hasDate)
        {
            target.Add(HttpDate.Field(time));
        }

        if (hsts is not null && !hasHsts)
        {
            target.Add("Strict-Transport-Security: "u8);
            target.Add(hsts);
            target.Add("\r\n"u8);
        }

        if (length is { } bytes)
        {
            target.Add("Content-Length: "u8);
            target.Add(bytes);
            target.Add("\r\n"u8);
        }

        if (isChunked)
        {
            target.Add("Transfer-Encoding: chunked\r\n"u8);
        }

        if (closes || hasUpgrade)
        {
            target.Add(!hasUpgrade ? "Connection: close\r\n"u8 : closes ? "Connection: close, Upgrade\r\n"u8 : "Connection: Upgrade\r\n"u8);
        }

        target.Add("\r\n"u8);
        output.Advance(target.Length);
    }

    /// <summary>Writes an interim answer: what passes of it, and nothing of our own.</summary>
    public static void WriteInterim(PipeWriter output, AnswerHead head)
    {
        var target = Begin(output, head, out _, out _, out _);
        target.Add("\r\n"u8);
        output.Advance(target.Length);
    }

    /// <summary>The first line and the fields that pass, with room for what else there is to say.</summary>
    private static Target Begin(PipeWriter output, AnswerHead head, out bool hasDate, out bool hasHsts, out bool hasUpgrade)
    {
        var reason = string.IsNullOrEmpty(head.Reason) ? ReasonPhrases.GetReasonPhrase(head.Status) : head.Reason;
        var fields = head.Fields;
        var target = new Target(output.GetSpan(MostOwn + reason.Length + fields.Size + (fields.Count * 4)));
        target.Add("HTTP/1.1 "u8);
        target.Add(head.Status);
        target.Add(" "u8);
        target.Add(reason);
        target.Add("\r\n"u8);
        var nominated = Fields.Nominated(fields);
        (hasDate, hasHsts, hasUpgrade) = (false, false, false);
        for (var i = 0; i < fields.Count; i++)
        {
            var name = fields.Name(i);
            var isUpgrade = Fields.IsUpgrade(head.Status, name);
            if (!isUpgrade && (Fields.IsOneHop(name) || (name.Length == 14 && Ascii.EqualsIgnoreCase(name, "Content-Length"u8)) || Fields.Has(nominated, name)))
            {
                continue;
            }

            hasUpgrade |= isUpgrade;
            hasHsts |= name.Length == 25 && Ascii.EqualsIgnoreCase(name, "Strict-Transport-Security"u8);
            hasDate |= name.Length == 4 && Ascii.EqualsIgnoreCase(name, "Date"u8);
            target.Add(name);
            target.Add(": "u8);
            target.Add(fields.Value(i));
            target.Add("\r\n"u8);
        }

        return target;
    }

    private ref struct Target(Span<byte> bytes)
    {
        private readonly Span<byte> _bytes = bytes;

        public int Length { get; private set; }

        public void Add(ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(_bytes[Length..]);
            Length += bytes.Length;
        }

        public void Add(string text) => Length += Encoding.ASCII.GetBytes(text, _bytes[Length..]);

        public void Add(long number)
        {
            number.TryFormat(_bytes[Length..], out var length, default, CultureInfo.InvariantCulture);
            Length += length;
        }
    }
}
