using System.Globalization;
using System.Text;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Probing;

/// <summary>What a backend said on one connection.</summary>
/// <param name="Dial">Whether it was reached.</param>
/// <param name="Bytes">The beginning of what it said.</param>
/// <param name="Closed">Whether it closed, or reset, the connection.</param>
/// <param name="Tls">What TLS came to, if it was spoken: a version and a certificate; null if it was not, or failed.</param>
/// <param name="Fault">Why TLS failed.</param>
internal sealed record Heard(DialOutcome Dial, byte[] Bytes, bool Closed, string? Tls = null, string? Fault = null)
{
    // Of a record: an alert, and what a handshake consists of (RFC 8446 §5.1).
    private const byte Alert = 21;
    private const byte Handshake = 22;
    private const int LongestQuote = 60;

    public bool IsReached => Dial == DialOutcome.Connected;

    /// <summary>Whether it said anything at all.</summary>
    public bool IsAnswer => Bytes.Length > 0;

    /// <summary>Whether it speaks TLS, also if it refused this client.</summary>
    public bool IsTls => Tls is not null || Bytes is [Alert or Handshake, 3, ..];

    public bool IsHttp => Bytes.AsSpan().StartsWith("HTTP/1."u8);

    /// <summary>Whether it greets as HTTP/2 does, with a SETTINGS frame and no request understood (RFC 9113 §3.4).</summary>
    public bool IsHttp2 => Bytes is [0, _, _, 4, 0, 0, 0, 0, 0, ..];

    /// <summary>Of an answer in HTTP/1; zero for any other.</summary>
    public int Status => IsHttp && Bytes.Length >= 12 && int.TryParse(Encoding.ASCII.GetString(Bytes, 9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var status) ? status : 0;

    /// <summary>Its words, or what kind they are of.</summary>
    public string Quote =>
        Tls is not null ? Tls
        : IsTls ? "TLS, with an alert"
        : IsHttp2 ? "HTTP/2"
        : IsHttp ? $"HTTP {Status.ToString(CultureInfo.InvariantCulture)}"
        : $"\"{Text()}\"";

    private string Text()
    {
        var line = Bytes.AsSpan(0, Bytes.AsSpan().IndexOfAny((byte)'\r', (byte)'\n') is > 0 and var end ? end : Bytes.Length);
        var text = new StringBuilder();
        foreach (var c in line[..Math.Min(line.Length, LongestQuote)])
        {
            text.Append(c is >= 0x20 and < 0x7f ? (char)c : '.');
        }

        return text.ToString();
    }
}
