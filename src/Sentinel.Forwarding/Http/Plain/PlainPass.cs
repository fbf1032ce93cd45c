using System.Runtime.CompilerServices;
using Sentinel.Forwarding.Http.Awaiting;
using Sentinel.Forwarding.Http.Upstreams;
using Sentinel.Forwarding.Http.Upstreams.Http1;
using Yarp.ReverseProxy.Forwarder;

namespace Sentinel.Forwarding.Http.Plain;

/// <summary>
/// The short way of a request that wants no HTTP/2 towards the backend: to the
/// connection and back, without messages in between. Same rules, same failures as by YARP's forwarder; see
/// docs/decisions/own-http1-upstream.md.
/// </summary>
internal static class PlainPass
{
    private static readonly Action<object?> Abort = static connection => ((Http1Connection)connection!).Abort();

    /// <summary>Sends a request on and brings the answer back, or says why there is none; the answer has not begun then, or was broken off.</summary>
    /// <param name="asker">Gets the answer.</param>
    /// <param name="request">Made for an exchange with this upstream.</param>
    /// <param name="errand">Told when an answer is there.</param>
    /// <param name="upstream">Entered by the caller.</param>
    /// <param name="isRepeatable">Whether the request may be sent again.</param>
    /// <param name="down">Cancelled when the backend is declared down and its requests are to end.</param>
    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    public static async ValueTask<(ForwarderError Error, Exception? Cause)> SendAsync(
        IAsker asker, OutgoingRequest request, Errand errand, Upstream upstream, bool isRepeatable, CancellationToken down)
    {
        var gone = asker.Gone;
        Http1Connection connection;
        try
        {
            connection = await errand.ConnectAsync(upstream, isRepeatable, gone);
        }
        catch (Exception e)
        {
            return (gone.IsCancellationRequested || down.IsCancellationRequested ? ForwarderError.RequestCanceled : ForwarderError.Request, e);
        }

        var (leaving, falling) = (gone.UnsafeRegister(Abort, connection), down.UnsafeRegister(Abort, connection));
        try
        {
            if (upstream.Down.IsCancellationRequested)
            {
                throw Errand.WentDown();
            }

            var head = await connection.AskAsync(request);
            errand.AnswerCame(switches: head.Status == 101);
            if (head.Status == 101)
            {
                await asker.SwitchAsync(head, connection.Switch());
                connection.AnswerEnded();
                return default;
            }

            await asker.AnswerAsync(head, connection.Open(head));
            return connection.Sending.IsCompleted && connection.ClientFault is null ? default : await FinishSendingAsync(connection, asker);
        }
        catch (Exception e)
        {
            connection.Abort();
            await connection.Sending;

            // Asked first: breaking off looks as if the client had left.
            var error = ErrorOf(e, connection, errand, gone.IsCancellationRequested || down.IsCancellationRequested);
            if (asker.HasBegun)
            {
                asker.Break();
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

    /// <summary>The client may go on sending to a backend that reads on.</summary>
    private static async ValueTask<(ForwarderError Error, Exception? Cause)> FinishSendingAsync(Http1Connection connection, IAsker asker)
    {
        await asker.CompleteAsync();
        await connection.Sending;
        return connection.ClientFault is { } fault ? (ForwarderError.RequestBodyClient, fault) : default;
    }

    private static ForwarderError ErrorOf(Exception e, Http1Connection connection, Errand errand, bool isCancelled) =>
        isCancelled ? ForwarderError.RequestCanceled
        : connection.ClientFault is not null ? ForwarderError.RequestBodyClient
        : !errand.HasAnswer ? ForwarderError.Request
        : UpstreamFailure.Find(e) is not null ? ForwarderError.ResponseBodyDestination
        : e is IOException or OperationCanceledException ? ForwarderError.ResponseBodyClient
        : ForwarderError.ResponseHeaders; // Kestrel would not have them
}
