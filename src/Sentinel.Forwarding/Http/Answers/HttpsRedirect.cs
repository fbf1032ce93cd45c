using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Sentinel.Forwarding.Http.Answers;

/// <summary>Sends a client to the same place over https, on port 443. 308, so that a method and body are kept (RFC 9110 §15.4.9).</summary>
internal static class HttpsRedirect
{
    public static Task WriteAsync(HttpContext context)
    {
        var host = context.Request.Host.Host;
        if (host.Length == 0)
        {
            // HTTP/1.0 may leave it out, and then nobody can say where the place is.
            return AnswerWriter.WriteAsync(context, Refusals.For(StatusCodes.Status400BadRequest));
        }

        var target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (target is not ['/', ..] || !Ascii.IsValid(target))
        {
            target = context.Request.Path.ToUriComponent() + context.Request.QueryString.ToUriComponent();
        }

        context.Response.StatusCode = StatusCodes.Status308PermanentRedirect;
        context.Response.Headers.Location = $"https://{host}{target}";
        context.Response.ContentLength = 0;
        return Task.CompletedTask;
    }
}
