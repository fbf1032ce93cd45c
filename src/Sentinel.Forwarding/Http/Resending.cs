using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Sentinel.Forwarding.Http;

/// <summary>
/// Which requests may be sent again though the first may have been carried out: those whose method is idempotent (RFC 9110
/// §9.2.2), that have no body, and of whose answer nothing has arrived. How often is for <see cref="Errand"/> to say. A request that provably did not leave this
/// process may always go elsewhere and is no matter of this class.
/// </summary>
internal static class Resending
{
    // A body is passed on as it comes and not kept: there is none to send a second time. Methods are case-sensitive (RFC 9110 §9.1):
    // what a backend makes of "put" is its own.
    public static bool IsIdempotent(string method) => method is "GET" or "HEAD" or "OPTIONS" or "TRACE" or "PUT" or "DELETE";

    public static bool Allows(HttpContext context) =>
        !context.Response.HasStarted
        && IsIdempotent(context.Request.Method)
        && context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false };
}
