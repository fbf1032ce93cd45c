using Microsoft.Extensions.Logging;

namespace Sentinel.Forwarding.Relay.Splice;

// The splice engine owns event ids 1800–1999.
internal static partial class Log
{
    [LoggerMessage(1800, LogLevel.Error, "A turn of {Loop} failed; it goes on.", EventName = "relay.turn.failed")]
    public static partial void TurnFailed(ILogger logger, Exception exception, string loop);

    [LoggerMessage(1801, LogLevel.Error, "A connection of {Loop} failed and was ended; the others go on.", EventName = "relay.connection.failed")]
    public static partial void ConnectionFailed(ILogger logger, Exception exception, string loop);
}
