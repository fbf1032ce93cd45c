using System.Buffers;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>Writes the head of a request (RFC 9112 §3, §5).</summary>
internal static class RequestHead
{
    private static readonly SearchValues<char> NeverInLines = SearchValues.Create("\r\n\0");

    /// <param name="request">Its own Host is sent; the address it goes to is another matter.</param>
    /// <param name="framing">How its body is framed.</param>
    /// <param name="target">Takes the bytes.</param>
    public static void Write(HttpRequestMessage request, Framing framing, IBufferWriter<byte> target)
    {
        var head = new StringBuilder(1024);
        head.Append(request.Method.Method).Append(' ').Append(request.RequestUri!.PathAndQuery).Append(" HTTP/1.1\r\n");
        Field(head, "Host", request.Headers.Host ?? request.RequestUri.Authority);
        Fields(head, request.Headers.NonValidated);
        if (request.Content is not null)
        {
            Fields(head, request.Content.Headers.NonValidated);
        }

        if (framing == Framing.Chunked)
        {
            Field(head, "Transfer-Encoding", "chunked");
        }
        else if (framing == Framing.None && request.Content?.Headers.NonValidated.Contains("Content-Length") != true && MeansABody(request.Method))
        {
            Field(head, "Content-Length", "0");
        }

        head.Append("\r\n");
        foreach (var piece in head.GetChunks())
        {
            Encoding.Latin1.GetBytes(piece.Span, target);
        }
    }

    /// <summary>How a request's body must be framed.</summary>
    public static Framing FramingOf(HttpRequestMessage request) =>
        request.Content is not { } content ? Framing.None : Length(content) switch
        {
            null => Framing.Chunked,
            0 => Framing.None,
            _ => Framing.Length,
        };

    /// <summary>What the client said its body has; null if it did not say.</summary>
    public static long? Length(HttpContent content) =>
        content.Headers.NonValidated.TryGetValues("Content-Length", out var values)
            ? long.Parse(values.ToString(), NumberStyles.None, CultureInfo.InvariantCulture)
            : content.Headers.ContentLength;

    // A length of nothing is said where a body would be expected (RFC 9110 §8.6).
    private static bool MeansABody(HttpMethod method) => method == HttpMethod.Post || method == HttpMethod.Put || method == HttpMethod.Patch;

    private static void Fields(StringBuilder head, HttpHeadersNonValidated fields)
    {
        foreach (var (name, values) in fields)
        {
            if (name.Equals("Host", StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            foreach (var value in values)
            {
                Field(head, name, value);
            }
        }
    }

    private static void Field(StringBuilder head, string name, string value)
    {
        // Kestrel lets none through; a value that ended its line would write the rest of the head.
        if (value.AsSpan().ContainsAny(NeverInLines))
        {
            throw new InvalidOperationException($"The field {name} has a line end in it.");
        }

        head.Append(name).Append(": ").Append(value).Append("\r\n");
    }
}
