using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Yarp.ReverseProxy.Forwarder;

namespace Sentinel.Forwarding.Http;

/// <summary>
/// What of a message is changed on its way; everything else passes as it came, the request target and Host included.
/// YARP leaves out the fixed hop-by-hop fields; here go those that the sender names, and what a client says about itself
/// that only the sentinel can know. See docs/guide/http.md.
/// </summary>
internal sealed class RequestTransformer : HttpTransformer
{
    public static readonly RequestTransformer Instance = new();

    // Takes the target as it is: no dots resolved, nothing decoded or encoded that the client wrote otherwise.
    private static readonly UriCreationOptions AsWritten = new() { DangerousDisablePathAndQueryCanonicalization = true };

    private RequestTransformer()
    {
    }

    public override async ValueTask TransformRequestAsync(
        HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
        foreach (var name in Nominated(httpContext.Request.Headers.Connection))
        {
            if (!name.Equals(HeaderNames.Host, StringComparison.OrdinalIgnoreCase))
            {
                proxyRequest.Headers.Remove(name);
            }
        }

        SetForwarded(httpContext, proxyRequest);
        if (httpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget is ['/', ..] target && IsAscii(target))
        {
            proxyRequest.RequestUri = new(destinationPrefix + target, AsWritten);
        }

        httpContext.Features.GetRequiredFeature<Exchange>().Terms.AttachTo(proxyRequest);
    }

    public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        var copies = await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
        httpContext.Features.GetRequiredFeature<Exchange>().HasAnswer = proxyResponse is not null;
        if (proxyResponse is not null && proxyResponse.Headers.NonValidated.TryGetValues(HeaderNames.Connection, out var connection))
        {
            foreach (var name in Nominated(new StringValues([.. connection])))
            {
                httpContext.Response.Headers.Remove(name);
            }
        }

        return copies;
    }

    /// <summary>
    /// Whether a field makes claims about the client's connection: X-Forwarded-*, Forwarded (RFC 7239) and X-Real-IP, also
    /// with underscores, which servers that pass fields as variables (CGI, WSGI) cannot tell from hyphens.
    /// </summary>
    internal static bool IsClaim(string name)
    {
        Span<char> plain = stackalloc char[64];
        if (name.Length > plain.Length)
        {
            plain = name.ToCharArray();
        }

        plain = plain[..name.Length];
        name.AsSpan().Replace(plain, '_', '-');
        return plain.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase)
            || plain.Equals("Forwarded", StringComparison.OrdinalIgnoreCase)
            || plain.Equals("X-Forwarded", StringComparison.OrdinalIgnoreCase)
            || plain.Equals("X-Real-IP", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The fields that a Connection field declares to be for this hop only (RFC 9110 §7.6.1).</summary>
    internal static IEnumerable<string> Nominated(StringValues connection)
    {
        foreach (var value in connection)
        {
            foreach (var part in (value ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                if (part.All(static c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c)))
                {
                    yield return part;
                }
            }
        }
    }

    private static void SetForwarded(HttpContext context, HttpRequestMessage request)
    {
        foreach (var (name, _) in context.Request.Headers)
        {
            if (IsClaim(name))
            {
                request.Headers.Remove(name);
            }
        }

        var connection = context.Features.GetRequiredFeature<ClientConnection>();
        request.Headers.TryAddWithoutValidation("X-Forwarded-For", ClientText(connection.EndPoint.Address));
        request.Headers.TryAddWithoutValidation("X-Forwarded-Proto", context.Request.Scheme);
        if (context.Request.Headers.Host is { Count: 1 } host && host[0] is { Length: > 0 } written)
        {
            request.Headers.TryAddWithoutValidation("X-Forwarded-Host", written);
        }
    }

    private static string ClientText(IPAddress address) => (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();

    private static bool IsAscii(string text) => System.Text.Ascii.IsValid(text);
}
