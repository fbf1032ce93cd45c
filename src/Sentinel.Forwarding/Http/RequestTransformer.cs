using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Yarp.ReverseProxy.Forwarder;

namespace Sentinel.Forwarding.Http;

/// <summary>
/// What YARP's forwarder changes of a message on its way, by the rules of <see cref="Fields"/>; everything else passes as
/// it came, the request target and Host included. See docs/guide/http-and-tls.md.
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

        // YARP takes it for a field of one hop; it is the browser's word to the application (W3C Upgrade Insecure Requests §3.2.1).
        foreach (var value in httpContext.Request.Headers.UpgradeInsecureRequests)
        {
            proxyRequest.Headers.TryAddWithoutValidation(HeaderNames.UpgradeInsecureRequests, value);
        }

        foreach (var name in Fields.Nominated(httpContext.Request.Headers.Connection) ?? [])
        {
            // Fields of the body are not among these: asking for them would throw.
            if (proxyRequest.Headers.NonValidated.Contains(name))
            {
                proxyRequest.Headers.Remove(name);
            }
        }

        foreach (var (name, _) in httpContext.Request.Headers)
        {
            if (Fields.IsClaim(name))
            {
                proxyRequest.Headers.Remove(name);
            }
        }

        var (client, scheme, host) = Fields.Forwarded(httpContext.Request, httpContext.Features.GetRequiredFeature<ClientConnection>());
        proxyRequest.Headers.TryAddWithoutValidation("X-Forwarded-For", client);
        proxyRequest.Headers.TryAddWithoutValidation("X-Forwarded-Proto", scheme);
        if (host is not null)
        {
            proxyRequest.Headers.TryAddWithoutValidation("X-Forwarded-Host", host);
        }

        proxyRequest.Headers.TryAddWithoutValidation("Forwarded", ForwardedField.Of(client, scheme, host));

        if (Fields.TargetAsWritten(httpContext) is ['/', ..] target)
        {
            proxyRequest.RequestUri = new(destinationPrefix + target, AsWritten);
        }

        httpContext.Features.GetRequiredFeature<Errand>().Terms.AttachTo(proxyRequest);
    }

    public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        var copies = await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
        if (proxyResponse is not null)
        {
            httpContext.Features.GetRequiredFeature<Errand>().AnswerCame(switches: false);
        }

        if (proxyResponse is not null && proxyResponse.Headers.NonValidated.TryGetValues(HeaderNames.Connection, out var connection))
        {
            foreach (var name in Fields.Nominated(new StringValues([.. connection])) ?? [])
            {
                httpContext.Response.Headers.Remove(name);
            }
        }

        return copies;
    }
}
