using System.Net;
using Microsoft.Extensions.Logging;

namespace Sentinel.Forwarding.Relay.Managed;

internal static partial class Log
{
    [LoggerMessage(1100, LogLevel.Error, "The connection of {Client} on {Listener} failed through a fault of ours.", EventName = "relay.connection.broke")]
    public static partial void ConnectionBroke(ILogger logger, Exception exception, string listener, IPEndPoint client);

    [LoggerMessage(1101, LogLevel.Error, "Looking after the open connections failed; it is tried again in a second.", EventName = "relay.sweep.failed")]
    public static partial void SweepFailed(ILogger logger, Exception exception);
}
