using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Sentinel.Forwarding.Http.Awaiting;
using Sentinel.Forwarding.Http.Upstreams.Http1;

namespace Sentinel.Forwarding.Http.Plain;

/// <summary>A backend's answer on its way to the client.</summary>
internal static class PlainAnswer
{
    public static void CopyHead(AnswerHead head, HttpResponse response)
    {
        response.StatusCode = head.Status;
        if (head.Reason is { } reason)
        {
            response.HttpContext.Features.GetRequiredFeature<IHttpResponseFeature>().ReasonPhrase = reason;
        }

        var headers = response.Headers;
        var nominated = Fields.Nominated(head.Fields);
        var isHttp11 = HttpProtocol.IsHttp11(response.HttpContext.Request.Protocol);
        foreach (var (name, value) in head.Fields.Fields)
        {
            var isUpgrade = isHttp11 && Fields.IsUpgrade(head.Status, name);
            if (isUpgrade && head.Status != 101)
            {
                headers.Connection = "close, Upgrade"; // Kestrel would end the connection where nothing is said of it, and says it itself of 101
            }

            var passes = isUpgrade
                || (!Fields.IsOneHop(name) && !name.Equals(HeaderNames.ContentLength, StringComparison.OrdinalIgnoreCase) && !Fields.Has(nominated, name));
            if (passes && !headers.TryAdd(name, value))
            {
                headers.Append(name, value);
            }
        }

        headers.ContentLength = head.Status == 101 ? null : head.ContentLength;
    }

    /// <summary>
    /// Copies the body as it comes (<see cref="Pieces"/>). Kestrel sends an answer of one piece when this returns.
    /// </summary>
    /// <exception cref="Upstreams.UpstreamFailure">The answer is cut or malformed.</exception>
    /// <exception cref="IOException">The client has gone.</exception>
    [AsyncMethodBuilder(typeof(KeepingMethodBuilder))]
    public static async ValueTask CopyBodyAsync(AnswerHead head, AnswerBody body, HttpContext context)
    {
        // What is malformed from the start is told by its status.
        body.PassFrames();
        if (body.IsOver && body.Trailers.Count == 0)
        {
            return;
        }

        // Behind chunks that Kestrel makes there are no fields.
        var response = context.Response;
        var isChunked = head.ContentLength is null && HttpProtocol.IsHttp11(context.Request.Protocol);
        if (isChunked)
        {
            response.Headers.TransferEncoding = "chunked";
        }

        // The head is written first, so that the body goes behind it and needs no copy of its own.
        await response.StartAsync();
        var pieces = new Pieces(response.BodyWriter, isChunked, context.RequestAborted);
        var isFlushed = await pieces.CopyAsync(body);
        pieces.End(head, body);
        if (isFlushed)
        {
            // Kestrel sends what it holds at the end only if the head is still in it.
            await pieces.FlushAsync();
        }

        if (context.Features.Get<IHttpResponseTrailersFeature>()?.Trailers is { IsReadOnly: false } trailers)
        {
            foreach (var (name, value) in Fields.Trailing(head, body))
            {
                trailers[name] = StringValues.Concat(trailers[name], value);
            }
        }
    }
}
