using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Sentinel.Forwarding.Http;

/// <summary>A request target that names scheme and host as well (RFC 9112 §3.2.2). Kestrel makes a path of it that has lost how it was written, in which a slash may be one or may have been <c>%2F</c>.</summary>
internal static class AbsoluteTarget
{
    private const string Mark = "://";

    /// <summary>Makes the request what it would be with the path alone for its target and the rest in Host, as it is sent to a server. One that is so already stays as it is.</summary>
    /// <returns>False for one that could be cut in two ways, or that names no path.</returns>
    public static bool TryResolve(HttpContext context)
    {
        var request = context.Features.GetRequiredFeature<IHttpRequestFeature>();
        var target = request.RawTarget;
        if (target is ['/', ..] or "*" || target.IndexOf(Mark, StringComparison.Ordinal) is not (>= 0 and var mark) || HttpMethods.IsConnect(request.Method))
        {
            return true;
        }

        if (target.AsSpan().ContainsAny('\\', '#'))
        {
            // for some, a slash and an end
            return false;
        }

        var behindHost = target.AsSpan(mark + Mark.Length);
        var rest = behindHost.IndexOfAny('/', '?') is >= 0 and var end ? behindHost[end..] : "";
        var isWholeServer = rest.IsEmpty && HttpMethods.IsOptions(request.Method); // §3.2.4
        try
        {
            var whole = new Uri(target);
            request.Path = isWholeServer ? "" : PathString.FromUriComponent(whole.AbsolutePath).Value!;
            request.RawTarget = isWholeServer ? "*" : rest is ['/', ..] ? rest.ToString() : $"/{rest}";
            if (request.Headers.Host.Count == 0)
            {
                // HTTP/1.0 may leave it out
                request.Headers.Host = whole.Authority;
            }

            return true;
        }
        catch (Exception e) when (e is UriFormatException or InvalidOperationException)
        {
            // such as NUL in a path
            return false;
        }
    }
}
