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
        List<string>? nominated = null;
        foreach (var (name, value) in head.Fields.Fields)
        {
            if (name.Equals(HeaderNames.Connection, StringComparison.OrdinalIgnoreCase) && Fields.Nominated(value) is { } names)
            {
                (nominated ??= []).AddRange(names);
            }
            else if (head.Status == 101 && name.Equals(HeaderNames.Upgrade, StringComparison.OrdinalIgnoreCase))
            {
                headers.Append(name, value);
            }
        }

        foreach (var (name, value) in head.Fields.Fields)
        {
            if (!Fields.IsOneHop(name) && !name.Equals(HeaderNames.ContentLength, StringComparison.OrdinalIgnoreCase) && !Fields.Has(nominated, name)
                && !headers.TryAdd(name, value))
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
    public static async ValueTask CopyBodyAsync(AnswerBody body, HttpContext context)
    {
        // What is malformed from the start is told by its status.
        body.PassFrames();
        if (body.IsOver)
        {
            return;
        }

        // The head is written first, so that the body goes behind it and needs no copy of its own.
        await context.Response.StartAsync();
        var pieces = new Pieces(context.Response.BodyWriter, isChunked: false);
        if (await pieces.CopyAsync(body))
        {
            // Kestrel sends what it holds at the end only if the head is still in it.
            await pieces.FlushAsync();
        }

        CopyTrailers(body, context);
    }

    private static void CopyTrailers(AnswerBody body, HttpContext context)
    {
        if (body.Trailers.Count > 0 && context.Features.Get<IHttpResponseTrailersFeature>()?.Trailers is { IsReadOnly: false } trailers)
        {
            foreach (var (name, value) in body.Trailers.Fields)
            {
                if (!Fields.IsOneHop(name))
                {
                    trailers[name] = StringValues.Concat(trailers[name], value);
                }
            }
        }
    }
}
