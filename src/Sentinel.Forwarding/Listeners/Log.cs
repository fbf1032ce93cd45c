using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;

namespace Sentinel.Forwarding.Listeners;

// Listeners and relays own event ids 1000–1499.
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Information, "{Client} on {Listener} to {Backend}: {End} after {Seconds:F3} s, {ToBackend} bytes to the backend, {ToClient} to the client.", EventName = "listener.connection.ended")]
    public static partial void ConnectionEnded(
        ILogger logger, string listener, IPEndPoint? client, BackendId? backend, long toBackend, long toClient, double seconds, string end);

    [LoggerMessage(1001, LogLevel.Warning, "{Listener} refused {Count} connections: {Open} are open and {Held} wait, see maxConnections, maxConnectionsPerClient and holdLimit.", EventName = "listener.connections.refused")]
    public static partial void Refused(ILogger logger, string listener, long count, int open, int held);

    [LoggerMessage(1002, LogLevel.Error, "{Listener} could not accept {Count} times: {Why}. It goes on; if descriptors ran out, raise LimitNOFILE or lower maxConnections.", EventName = "listener.accept.failed")]
    public static partial void AcceptFailed(ILogger logger, string listener, int count, SocketError why);

    [LoggerMessage(1003, LogLevel.Error, "Accepting on {Listener} failed; it goes on.", EventName = "listener.accept.broke")]
    public static partial void AcceptBroke(ILogger logger, Exception exception, string listener);

    [LoggerMessage(1004, LogLevel.Information, "{Listener} listens on {Addresses} ({Engine}).", EventName = "listener.listening")]
    public static partial void Listening(ILogger logger, string listener, string addresses, string engine);

    [LoggerMessage(1005, LogLevel.Information, "{Listener} is gone: no connection is left.", EventName = "listener.gone")]
    public static partial void Gone(ILogger logger, string listener);

    [LoggerMessage(1030, LogLevel.Warning, "{Needed} descriptors are needed for as many connections as maxConnections lets in, and this process may have {Limit}: connections beyond that are refused. Set LimitNOFILE={Needed} in the unit (systemctl edit sentinel, then restart), or lower maxConnections.", EventName = "listener.descriptors.short")]
    public static partial void DescriptorsShort(ILogger logger, long needed, long limit);

    [LoggerMessage(1031, LogLevel.Error, "What an earlier run left in the kernel cannot be removed, and goes on sending connections past the listeners: {Why}.", EventName = "kernel.leftover.stays")]
    public static partial void LeftoverStays(ILogger logger, string why);
}
