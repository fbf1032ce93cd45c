using System.Buffers;
using System.Collections.Frozen;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Sentinel.Forwarding.Http.Upstreams.Http1;

namespace Sentinel.Forwarding.Http;

/// <summary>
/// Which fields of a message pass, whoever carries it: YARP's forwarder or our own pass. Left out are those for one hop
/// only, those that the sender declares to be so, and what a client says about itself that only the sentinel can know.
/// </summary>
internal static class Fields
{
    // RFC 9110 §7.6.1, the registry's obsolete ones, and what is agreed between neighbours: authentication at a proxy,
    // other ways to a server. YARP's forwarder leaves out the same by itself, and Upgrade-Insecure-Requests.
    private static readonly FrozenSet<string> OneHop = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        HeaderNames.Connection, HeaderNames.TransferEncoding, HeaderNames.KeepAlive, HeaderNames.Upgrade, HeaderNames.ProxyConnection,
        HeaderNames.ProxyAuthenticate, "Proxy-Authentication-Info", HeaderNames.ProxyAuthorization, "Proxy-Features", "Proxy-Instruction",
        "Security-Scheme", "ALPN", "Close", "HTTP2-Settings", HeaderNames.TE, HeaderNames.AltSvc);

    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> OneHopSpans = OneHop.GetAlternateLookup<ReadOnlySpan<char>>();

    // For each length, a bit for each letter that such a name begins with: most others need no closer look.
    private static readonly uint[] OneHopStarts = [.. Enumerable.Range(0, 32).Select(static length => OneHop.Where(name => name.Length == length).Aggregate(0u, static (letters, name) => letters | LetterOf((byte)name[0])))];

    // RFC 9110 §5.6.2
    private static readonly SearchValues<char> InTokens = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    // What only a head may say: where a message ends, and whom it is for.
    private static readonly FrozenSet<string> NeverTrailing = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase, HeaderNames.ContentLength, HeaderNames.Host, HeaderNames.Trailer);

    /// <summary>Whether a field is for one hop only, in either direction. The pseudo-fields of HTTP/2 are no fields.</summary>
    /// <param name="name">Letters, digits and what else RFC 9110 §5.6.2 allows: ASCII.</param>
    public static bool IsOneHop(ReadOnlySpan<byte> name)
    {
        if (name.Length is 0 or >= 32 || (OneHopStarts[name.Length] & LetterOf(name[0])) == 0)
        {
            return false;
        }

        Span<char> text = stackalloc char[32];
        return OneHopSpans.Contains(text[..Encoding.ASCII.GetChars(name, text)]);
    }

    /// <inheritdoc cref="IsOneHop(ReadOnlySpan{byte})"/>
    public static bool IsOneHop(ReadOnlySpan<char> name) => name.StartsWith(':') || OneHopSpans.Contains(name);

    /// <inheritdoc cref="IsClaim(ReadOnlySpan{char})"/>
    public static bool IsClaim(ReadOnlySpan<byte> name)
    {
        if (name is not [(byte)'X' or (byte)'x' or (byte)'F' or (byte)'f', ..])
        {
            return false;
        }

        Span<char> text = name.Length <= 64 ? stackalloc char[64] : new char[name.Length];
        return IsClaim(text[..Encoding.ASCII.GetChars(name, text)]);
    }

    /// <summary>
    /// Whether a field makes claims about the client's connection: X-Forwarded-*, Forwarded (RFC 7239) and X-Real-IP, also
    /// with underscores, which servers that pass fields as variables (CGI, WSGI) cannot tell from hyphens.
    /// </summary>
    public static bool IsClaim(ReadOnlySpan<char> name)
    {
        if (name is not ['X' or 'x' or 'F' or 'f', ..])
        {
            return false;
        }

        Span<char> plain = stackalloc char[64];
        if (name.Length > plain.Length)
        {
            plain = new char[name.Length];
        }

        plain = plain[..name.Length];
        name.Replace(plain, '_', '-');
        return plain.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase)
            || plain.Equals("Forwarded", StringComparison.OrdinalIgnoreCase)
            || plain.Equals("X-Forwarded", StringComparison.OrdinalIgnoreCase)
            || plain.Equals("X-Real-IP", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Whether this is a token, such as a field's name is one.</summary>
    public static bool IsToken(ReadOnlySpan<char> text) => text.Length > 0 && !text.ContainsAnyExcept(InTokens);

    /// <summary>The fields that a Connection field declares to be for this hop only (RFC 9110 §7.6.1). Nobody may name Host.</summary>
    /// <returns>Null if there are none, which is the rule.</returns>
    public static HashSet<string>? Nominated(StringValues connection)
    {
        HashSet<string>? names = null;
        foreach (var value in connection)
        {
            Nominate(value, ref names);
        }

        return names;
    }

    /// <inheritdoc cref="Nominated(StringValues)"/>
    /// <param name="head">Those of an answer.</param>
    public static HashSet<string>? Nominated(FieldParser head)
    {
        HashSet<string>? names = null;
        for (var i = 0; i < head.Count; i++)
        {
            var name = head.Name(i);
            if (name.Length == 10 && Ascii.EqualsIgnoreCase(name, "Connection"u8)
                && head.Value(i) is var value && !Ascii.EqualsIgnoreCase(value, "keep-alive"u8) && !Ascii.EqualsIgnoreCase(value, "close"u8))
            {
                Nominate(Encoding.Latin1.GetString(value), ref names);
            }
        }

        return names;
    }

    /// <summary>Whether a field is among those that its sender nominated.</summary>
    public static bool Has(HashSet<string>? nominated, string name) => nominated is not null && nominated.Contains(name);

    /// <inheritdoc cref="Has(HashSet{string}, string)"/>
    public static bool Has(HashSet<string>? nominated, ReadOnlySpan<byte> name)
    {
        if (nominated is null)
        {
            return false;
        }

        Span<char> text = name.Length <= 64 ? stackalloc char[64] : new char[name.Length];
        return nominated.GetAlternateLookup<ReadOnlySpan<char>>().Contains(text[..Encoding.Latin1.GetChars(name, text)]);
    }

    /// <summary>Whether a field of an answer names the protocol that is switched to, or that must be asked for: it passes over HTTP/1.1, though it is for one hop (RFC 9110 §15.2.2, §15.5.22).</summary>
    public static bool IsUpgrade(int status, ReadOnlySpan<byte> name) => status is 101 or 426 && name.Length == 7 && Ascii.EqualsIgnoreCase(name, "Upgrade"u8);

    /// <inheritdoc cref="IsUpgrade(int, ReadOnlySpan{byte})"/>
    public static bool IsUpgrade(int status, string name) => status is 101 or 426 && name.Equals(HeaderNames.Upgrade, StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Whether a field may stand behind a body. Who counts what comes there among the fields of the head would believe whatever it says
    /// (RFC 9110 §6.5.1).
    /// </summary>
    public static bool MayTrail(string name) => !IsOneHop(name) && !NeverTrailing.Contains(name);

    /// <summary>The fields behind an answer's body that pass.</summary>
    public static IEnumerable<(string Name, string Value)> Trailing(AnswerHead head, AnswerBody body) =>
        body.Trailers.Count == 0 ? [] : Trailing(body.Trailers.Fields, Nominated(head.Fields));

    /// <summary>What the sentinel says about the client, in place of what the client said.</summary>
    /// <returns>The values of X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host; the last is null where there is no host.</returns>
    public static (string For, string Proto, string? Host) Forwarded(HttpRequest request, ClientConnection connection) =>
        (connection.ClientText, connection.Scheme, request.Headers.Host is { Count: 1 } host && host[0] is { Length: > 0 } written ? written : null);

    /// <summary>
    /// The request's target as it was written: nothing resolved, nothing encoded that the client wrote otherwise, but for bytes beyond
    /// ASCII, which no URI has and HTTP/2 lets through. A path, or the * of OPTIONS, which asks the server as a whole (RFC 9112 §3.2.4).
    /// </summary>
    public static string TargetAsWritten(HttpContext context) =>
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget is var target && Ascii.IsValid(target) ? target
        : string.Concat(target.Select(static c => c < 0x80 ? c.ToString() : $"%{(int)c:X2}"));

    private static void Nominate(string? value, ref HashSet<string>? names)
    {
        if (value is null || value.Equals("keep-alive", StringComparison.OrdinalIgnoreCase) || value.Equals("close", StringComparison.OrdinalIgnoreCase))
        {
            return;
        }

        foreach (var part in value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!part.Equals(HeaderNames.Host, StringComparison.OrdinalIgnoreCase) && IsToken(part))
            {
                (names ??= new(StringComparer.OrdinalIgnoreCase)).Add(part);
            }
        }
    }

    // Upper and lower case are one; some that are no letters fall on one, which costs a closer look.
    private static uint LetterOf(byte start) => 1u << (start & 0x1F);

    private static IEnumerable<(string Name, string Value)> Trailing(IEnumerable<(string Name, string Value)> trailers, HashSet<string>? nominated) =>
        trailers.Where(field => MayTrail(field.Name) && !Has(nominated, field.Name));
}
