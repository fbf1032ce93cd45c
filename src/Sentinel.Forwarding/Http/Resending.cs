using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Sentinel.Forwarding.Http;

/// <summary>
/// Which requests may be sent again though the first may have been carried out: those whose method is safe (RFC 9110
/// §9.2.1), that have no body, and of whose answer nothing has arrived. Once. A request that provably did not leave this
/// process may always go elsewhere and is no matter of this class.
/// </summary>
internal static class Resending
{
    public static bool IsSafe(string method) => HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method);

    public static bool Allows(HttpContext context) =>
        !context.Response.HasStarted
        && IsSafe(context.Request.Method)
        && context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false };
}
