using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Sentinel.Forwarding.Http.Upstreams.Http1;

namespace Sentinel.Forwarding.Http.Plain;

/// <summary>A backend's answer on its way to the client.</summary>
internal static class PlainAnswer
{
    private const int PieceSize = 64 * 1024;

    public static void CopyHead(AnswerHead head, HttpResponse response)
    {
        response.StatusCode = head.Status;
        if (head.Reason is { } reason)
        {
            response.HttpContext.Features.GetRequiredFeature<IHttpResponseFeature>().ReasonPhrase = reason;
        }

        var headers = response.Headers;
        List<string>? nominated = null;
        foreach (var (name, value) in head.Fields)
        {
            if (name.Equals(HeaderNames.Connection, StringComparison.OrdinalIgnoreCase) && Fields.Nominated(value) is { } names)
            {
                (nominated ??= []).AddRange(names);
            }
        }

        foreach (var (name, value) in head.Fields)
        {
            if (!Fields.IsOneHop(name) && !name.Equals(HeaderNames.ContentLength, StringComparison.OrdinalIgnoreCase) && !Fields.Has(nominated, name)
                && !headers.TryAdd(name, value))
            {
                headers.Append(name, value);
            }
        }

        headers.ContentLength = head.ContentLength;
    }

    /// <summary>
    /// Copies the body as it comes. What has arrived with the head goes out with it, and the end with what comes last: Kestrel
    /// sends an answer of one piece when this returns. Whatever is there before a wait goes out before it.
    /// </summary>
    /// <exception cref="Upstreams.UpstreamFailure">The answer is cut or malformed.</exception>
    /// <exception cref="IOException">The client has gone.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
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
        var writer = context.Response.BodyWriter;
        CopyArrived(body, writer);
        var isFlushed = false;
        while (!body.IsOver)
        {
            isFlushed = true;
            await FlushAsync(writer);
            _ = await body.ReadAsync(Memory<byte>.Empty);
            await CopyStreamAsync(body, writer);
            CopyArrived(body, writer);
        }

        if (isFlushed)
        {
            // Kestrel sends what it holds at the end only if the head is still in it.
            await FlushAsync(writer);
        }

        CopyTrailers(body, context);
    }

    private static void CopyArrived(AnswerBody body, PipeWriter writer)
    {
        while (body.TryTake(out var piece))
        {
            writer.Write(piece);
        }
    }

    /// <summary>Something has arrived. Memory is held for as long as there is always more.</summary>
    private static async ValueTask CopyStreamAsync(AnswerBody body, PipeWriter writer)
    {
        var piece = ArrayPool<byte>.Shared.Rent(PieceSize);
        var turns = new Turns();
        try
        {
            while (true)
            {
                var length = await body.ReadAsync(piece.AsMemory());
                writer.Write(piece.AsSpan(0, length));
                if (length < piece.Length / 4 || body.IsOver)
                {
                    return;
                }

                await FlushAsync(writer);
                if (turns.IsOver(length))
                {
                    await Task.Yield();
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    private static async ValueTask FlushAsync(PipeWriter writer)
    {
        if ((await writer.FlushAsync()).IsCompleted)
        {
            throw new IOException("The client has gone.");
        }
    }

    private static void CopyTrailers(AnswerBody body, HttpContext context)
    {
        if (body.Trailers.Count > 0 && context.Features.Get<IHttpResponseTrailersFeature>()?.Trailers is { IsReadOnly: false } trailers)
        {
            foreach (var (name, value) in body.Trailers)
            {
                if (!Fields.IsOneHop(name))
                {
                    trailers[name] = StringValues.Concat(trailers[name], value);
                }
            }
        }
    }
}
