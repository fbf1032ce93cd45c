using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Sentinel.Forwarding.Http;

/// <summary>
/// What Kestrel lets through and another server would read otherwise: by that, one client's body becomes another's request, and a client says of itself what only we can know.
/// </summary>
internal static class RequestFaults
{
    // White space ends a target (RFC 9112 §3); control characters do for some, and so does a fragment, which no target has (§3.2).
    private static readonly SearchValues<char> NeverInTargets = SearchValues.Create([.. Enumerable.Range(0, ' ' + 1).Append('#').Append(0x7f).Select(static c => (char)c)]);

    // RFC 9110 §5.5.
    private static readonly SearchValues<char> NeverInValues = SearchValues.Create([.. Enumerable.Range(0, ' ').Append(0x7f).Where(static c => c != '\t').Select(static c => (char)c)]);

    /// <summary>Whether a request has any.</summary>
    public static bool HasAny(HttpContext context) =>
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget.AsSpan().ContainsAny(NeverInTargets)
        || !IsHttp(context.Request.Scheme)
        || HasFaultyFraming(context.Request)
        || HasFaultyName(context.Request.Headers);

    /// <summary>Whether the fields behind its body have any. Kestrel looks at them less closely than at those of the head.</summary>
    public static bool HasAny(IHeaderDictionary trailers)
    {
        foreach (var (name, values) in trailers)
        {
            if (!Fields.IsToken(name))
            {
                return true;
            }

            foreach (var value in values)
            {
                if (value.AsSpan().ContainsAny(NeverInValues))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static bool IsHttp(string scheme) =>
        scheme.Equals("http", StringComparison.OrdinalIgnoreCase) || scheme.Equals("https", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Whether its body comes in chunks where that cannot be relied on (RFC 9112 §6.1): in another coding as well, which nobody would undo; beside a length,
    /// which Kestrel hides under another name (who writes that name himself is taken to mean the same); or in another version than HTTP/1.1.
    /// </summary>
    private static bool HasFaultyFraming(HttpRequest request) =>
        request.Headers.TransferEncoding is { Count: > 0 } codings
        && (codings.Count > 1 || !"chunked".Equals(codings[0], StringComparison.OrdinalIgnoreCase) || request.Headers.ContainsKey("X-Content-Length") || !HttpProtocol.IsHttp11(request.Protocol));

    private static bool HasFaultyName(IHeaderDictionary fields)
    {
        foreach (var (name, _) in fields)
        {
            // over HTTP/2 Kestrel takes any byte but upper case; of the pseudo-fields those alone that it knows
            if (!Fields.IsToken(name.AsSpan(name is [':', ..] ? 1 : 0)))
            {
                return true;
            }
        }

        return false;
    }
}
