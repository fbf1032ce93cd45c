using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Sentinel.Forwarding.Http.Door;
using Sentinel.Forwarding.Http.HandOver;
using Sentinel.Forwarding.Http.Loops;
using Sentinel.Forwarding.Http.Tls;
using Sentinel.Forwarding.Http.Transports;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http;

/// <summary>
/// The way of a connection from its first byte to its end: out of TLS, through the door for as long as its requests are plain
/// (<see cref="PlainVisit"/>), and to Kestrel for good with the first that is not, unread. See docs/decisions/http-speed.md.
/// </summary>
internal sealed class HttpPath(RequestForwarder requests, ICertificates? certificates, ILoggerFactory logs, ILogger logger) : IDisposable
{
    private readonly TlsTermination? _tls = certificates is null ? null : new(certificates);
    private readonly SocketConnectionContextFactory _sockets = new(
        new()
        {
            // What one connection may have read ahead of its backend. The default, 1 MiB, times maxConnections is
            // more memory than the small machines have that this runs on; 256 KiB still fills a 1 Gb/s path of 2 ms.
            MaxReadBufferSize = 256 * 1024,

            // What may wait for a slow client; the backend is slowed down beyond it.
            MaxWriteBufferSize = 64 * 1024,

            // A request goes on where its bytes were read, and its answer where that was read: no thread wakes another.
            // Whatever copies much steps aside now and then (Turns).
            UnsafePreferInlineScheduling = true,
        },
        logs.CreateLogger<HttpPath>());

    /// <summary>Serves a connection, of which not one byte may have been consumed but for a PROXY header's, and returns at its end.</summary>
    /// <param name="kestrel">For what is not plain.</param>
    public async Task ServeAsync(ClientConnection connection, InnerKestrel kestrel)
    {
        ClientTransport transport = connection.Loop is { } loop ? new LoopTransport(loop, connection) : new SocketTransport(_sockets.Create(connection.Socket!), connection);
        await using (transport)
        {
            if (!connection.Serve(transport))
            {
                transport.Abort("It is over already.");
                return;
            }

            try
            {
                await (connection.Rules.Settings.Protocol == ListenerProtocol.Http
                    ? ServeHttpAsync(connection, transport, transport, tls: null, kestrel)
                    : _tls!.ServeAsync(connection, transport, (inside, tls) => ServeHttpAsync(connection, transport, inside, tls, kestrel)));
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
            {
                // The client's side broke.
            }
            catch (Exception e)
            {
                Log.ConnectionBroke(logger, e, connection.Gate.Name);
                connection.Abort(ConnectionEnd.Failed);
            }
        }
    }

    private async Task ServeHttpAsync(ClientConnection connection, ClientTransport transport, IAbandonablePipe pipe, TlsFeature? tls, InnerKestrel kestrel)
    {
        var place = HandOverEndPoint.Http2;
        if (tls?.IsHttp2 != true)
        {
            var (end, unfinished) = await new PlainVisit(requests, connection, transport, pipe, isEncrypted: tls is not null).ServeAsync();
            if (end == VisitEnd.Over)
            {
                await pipe.Input.CompleteAsync();
                return;
            }

            place = end == VisitEnd.Http2 ? HandOverEndPoint.Http2 : HandOverEndPoint.Http1;
            connection.GoesOn(unfinished, isHttp2: place == HandOverEndPoint.Http2);
        }
        else
        {
            connection.GoesOn(unfinished: null, isHttp2: true);
        }

        await kestrel.ServeAsync(new(connection, transport, pipe, tls), place);
    }

    public void Dispose() => _sockets.Dispose();
}
