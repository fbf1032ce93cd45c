using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Sentinel.Forwarding.Http.Answers;
using Sentinel.Forwarding.Http.Upstreams;
using Sentinel.Forwarding.Http.Upstreams.Http1;
using Yarp.ReverseProxy.Forwarder;

namespace Sentinel.Forwarding.Http.Plain;

/// <summary>
/// The short way of a request that wants neither an upgrade nor HTTP/2 towards the backend: from Kestrel's fields to the
/// connection and back, without messages in between. Same rules, same failures as by YARP's forwarder; see
/// docs/decisions/own-http1-upstream.md.
/// </summary>
internal static class PlainPass
{
    private static readonly Action<object?> Abort = static connection => ((Http1Connection)connection!).Abort();

    // RFC 9113 §7
    private const int InternalError = 2;

    public static bool Takes(HttpContext context) =>
        context.Features.Get<IHttpUpgradeFeature>() is not { IsUpgradableRequest: true }
        && context.Features.Get<IHttpExtendedConnectFeature>() is not { IsExtendedConnect: true }
        && !Acceptable.IsGrpc(context.Request.ContentType);

    /// <summary>Sends a request on and brings the answer back, or says why there is none; the response has not started then, or was aborted.</summary>
    /// <param name="exchange">Told when an answer is there.</param>
    /// <param name="upstream">Entered by the caller.</param>
    /// <param name="port">The backend's.</param>
    /// <param name="down">Cancelled when the backend is declared down and its requests are to end.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public static async ValueTask<(ForwarderError Error, Exception? Cause)> SendAsync(
        HttpContext context, Exchange exchange, ClientConnection client, Upstream upstream, int port, CancellationToken down)
    {
        var aborted = context.RequestAborted;
        Http1Connection connection;
        PlainRequest request;
        try
        {
            request = new(context, client, upstream, port);
            var isRepeatable = request.Framing == Framing.None && Resending.IsIdempotent(context.Request.Method);

            // Whom a kept connection was lost with may be closing the others as well: the second time it is a new one, or none.
            connection = (exchange.IsResent ? null : upstream.Http1.TryTake(new(port, exchange.Tls, client.Loop?.Loop), isRepeatable)) ?? await DialAsync(exchange, upstream, port, aborted, down);
        }
        catch (Exception e)
        {
            return (aborted.IsCancellationRequested || down.IsCancellationRequested ? ForwarderError.RequestCanceled : ForwarderError.Request, e);
        }

        var (leaving, falling) = (aborted.UnsafeRegister(Abort, connection), down.UnsafeRegister(Abort, connection));
        try
        {
            var head = await connection.AskAsync(request);
            exchange.HasAnswer = true;
            PlainAnswer.CopyHead(head, context.Response);
            await PlainAnswer.CopyBodyAsync(connection.Open(head), context);
            return connection.Sending.IsCompleted && connection.ClientFault is null ? default : await FinishSendingAsync(connection, context);
        }
        catch (Exception e)
        {
            connection.Abort();
            await connection.Sending;

            // Asked first: breaking off looks as if the client had left.
            var error = ErrorOf(e, connection, exchange, aborted.IsCancellationRequested || down.IsCancellationRequested);
            if (context.Response.HasStarted)
            {
                Break(context);
            }

            return (error, connection.ClientFault ?? e);
        }
        finally
        {
            leaving.Dispose();
            falling.Dispose();

            // Nothing can abort it for our sake any more.
            connection.Release();
        }
    }

    private static async ValueTask<Http1Connection> DialAsync(Exchange exchange, Upstream upstream, int port, CancellationToken aborted, CancellationToken down)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(aborted, down);
        return await upstream.Http1.DialAsync(port, exchange.Terms, either.Token);
    }

    /// <summary>The answer was whole before the request was. The client is told all of it at once, and may go on sending to a backend that reads on.</summary>
    private static async ValueTask<(ForwarderError Error, Exception? Cause)> FinishSendingAsync(Http1Connection connection, HttpContext context)
    {
        await context.Response.CompleteAsync();
        await connection.Sending;
        return connection.ClientFault is { } fault ? (ForwarderError.RequestBodyClient, fault) : default;
    }

    private static ForwarderError ErrorOf(Exception e, Http1Connection connection, Exchange exchange, bool isCancelled) =>
        isCancelled ? ForwarderError.RequestCanceled
        : connection.ClientFault is not null ? ForwarderError.RequestBodyClient
        : !exchange.HasAnswer ? ForwarderError.Request
        : UpstreamFailure.Find(e) is not null ? ForwarderError.ResponseBodyDestination
        : e is IOException or OperationCanceledException ? ForwarderError.ResponseBodyClient
        : ForwarderError.ResponseHeaders; // Kestrel would not have them

    /// <summary>Ends what was begun so that nobody takes it for whole.</summary>
    private static void Break(HttpContext context)
    {
        if (context.Features.Get<IHttpResetFeature>() is { } stream)
        {
            stream.Reset(InternalError);
        }
        else
        {
            context.Abort();
        }
    }
}
