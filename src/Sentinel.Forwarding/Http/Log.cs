using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Yarp.ReverseProxy.Forwarder;

namespace Sentinel.Forwarding.Http;

// HTTP owns event ids 1500–1799.
internal static partial class Log
{
    [LoggerMessage(1500, LogLevel.Warning, "A {Method} request on {Listener} to {Backend} failed ({Why}): {Reason}. The client got {Status}.", EventName = "request.failed")]
    public static partial void RequestFailed(ILogger logger, string method, string listener, BackendId backend, ForwarderError why, string reason, int status);

    [LoggerMessage(1501, LogLevel.Information, "A {Method} request on {Listener} that {Backend} left without an answer is sent once more: {Reason}", EventName = "request.resent")]
    public static partial void RequestResent(ILogger logger, string method, string listener, BackendId backend, string reason);

    [LoggerMessage(1502, LogLevel.Debug, "A {Method} request on {Listener} got the outage answer: {Pool} cannot serve.", EventName = "request.outage")]
    public static partial void OutageAnswered(ILogger logger, string method, string listener, PoolId pool);

    [LoggerMessage(1503, LogLevel.Error, "A request on {Listener} met a fault of ours.", EventName = "request.broke")]
    public static partial void RequestBroke(ILogger logger, Exception exception, string listener);

    [LoggerMessage(1504, LogLevel.Error, "A connection on {Listener} could not be served.", EventName = "http.handover.failed")]
    public static partial void HandOverFailed(ILogger logger, Exception exception, string listener);

    [LoggerMessage(1506, LogLevel.Warning, "{Listener} and {Backend} could not agree on TLS: {Why} See upstreamTls.", EventName = "upstream.tls.failed")]
    public static partial void UpstreamTlsFailed(ILogger logger, string listener, BackendId backend, string why);

    [LoggerMessage(1507, LogLevel.Error, "What waited for a socket of {Loop} failed; the loop goes on.", EventName = "http.loop.failed")]
    public static partial void LoopTurnFailed(ILogger logger, Exception exception, string loop);

    [LoggerMessage(1508, LogLevel.Error, "A connection on {Listener} met a fault of ours.", EventName = "http.connection.broke")]
    public static partial void ConnectionBroke(ILogger logger, Exception exception, string listener);

    [LoggerMessage(1505, LogLevel.Error, "A review of the open HTTP connections failed; the next one comes in a second.", EventName = "http.review.failed")]
    public static partial void ReviewFailed(ILogger logger, Exception exception);
}
