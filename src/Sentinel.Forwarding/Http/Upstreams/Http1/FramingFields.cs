using System.Globalization;
using System.Text;

namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>What the fields of an answer say about where it ends, and what comes then (RFC 9112 §6, §9).</summary>
internal readonly ref struct FramingFields
{
    /// <exception cref="AnswerMalformed">They contradict themselves.</exception>
    public FramingFields(FieldParser fields)
    {
        for (var i = 0; i < fields.Count; i++)
        {
            var name = fields.Name(i);
            if (name.Length == 10 && Ascii.EqualsIgnoreCase(name, "Connection"u8))
            {
                foreach (var item in new ListItems(fields.Value(i)))
                {
                    Closes |= Ascii.EqualsIgnoreCase(item, "close"u8);
                    KeepsAlive |= Ascii.EqualsIgnoreCase(item, "keep-alive"u8);
                }
            }
            else if (name.Length == 17 && Ascii.EqualsIgnoreCase(name, "Transfer-Encoding"u8))
            {
                foreach (var item in new ListItems(fields.Value(i)))
                {
                    Codings++;
                    IsChunked = Ascii.EqualsIgnoreCase(item, "chunked"u8);
                }
            }
            else if (name.Length == 14 && Ascii.EqualsIgnoreCase(name, "Content-Length"u8))
            {
                foreach (var item in new ListItems(fields.Value(i)))
                {
                    if (!long.TryParse(item, NumberStyles.None, CultureInfo.InvariantCulture, out var length) || (Length is not null && length != Length))
                    {
                        throw new AnswerMalformed("a Content-Length that is none, or two that differ");
                    }

                    Length = length;
                }
            }
        }
    }

    public bool Closes { get; }

    public bool KeepsAlive { get; }

    /// <summary>How many transfer codings there are.</summary>
    public int Codings { get; }

    /// <summary>Whether the last of them is chunked.</summary>
    public bool IsChunked { get; }

    /// <summary>Bytes.</summary>
    public long? Length { get; }
}
