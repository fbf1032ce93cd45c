using Microsoft.Extensions.Logging;

namespace Sentinel.Service.Alerts;

/// <summary>6300–6349. Receivers are named by their host alone: their addresses hold secrets.</summary>
internal static partial class Log
{
    [LoggerMessage(6300, LogLevel.Warning, "The alert '{What}' was not taken by {Receiver} and is tried again: {Why}", EventName = "alert.refused")]
    public static partial void NotDelivered(ILogger logger, string what, string receiver, string why);

    [LoggerMessage(6301, LogLevel.Error, "The alert '{What}' for {Receiver} is given up: {Why}", EventName = "alert.dropped")]
    public static partial void Dropped(ILogger logger, string what, string receiver, string why);

    [LoggerMessage(6302, LogLevel.Error, "Alerts for {Receiver} cannot be kept on disk; they wait in memory: {Why}", EventName = "alert.queue.unusable")]
    public static partial void QueueUnusable(ILogger logger, string receiver, string why);

    [LoggerMessage(6303, LogLevel.Error, "A round of alerts failed in the sentinel itself; the next goes on.", EventName = "alert.round.failed")]
    public static partial void RoundFailed(ILogger logger, Exception exception);
}
