namespace Sentinel.Forwarding.Prefaces;

/// <summary>What the first bytes of a cleartext HTTP connection say about its version.</summary>
internal enum HttpPreface
{
    /// <summary>All that is there fits the HTTP/2 preface, and more must come before it is certain.</summary>
    Undecided,

    /// <summary>Not the HTTP/2 preface: HTTP/1.x, or nothing that HTTP knows.</summary>
    Http1,

    /// <summary>The HTTP/2 preface, whole.</summary>
    Http2,
}

/// <summary>The connection preface that a client with prior knowledge of HTTP/2 sends first (RFC 9113 §3.4).</summary>
internal static class Http2Preface
{
    /// <summary>How much must be peeked to be certain, in bytes.</summary>
    public const int Length = 24;

    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>Judges the beginning of a connection.</summary>
    /// <param name="start">What has been peeked so far, from the first byte on.</param>
    public static HttpPreface Read(ReadOnlySpan<byte> start) =>
        start.Length >= Length ? (start.StartsWith(Preface) ? HttpPreface.Http2 : HttpPreface.Http1)
        : Preface.StartsWith(start) ? HttpPreface.Undecided
        : HttpPreface.Http1;
}
