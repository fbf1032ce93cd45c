using System.Net;
using Microsoft.Extensions.Logging;

namespace Sentinel.Forwarding.HandOver;

internal static partial class Log
{
    [LoggerMessage(1200, LogLevel.Information, "{Count} open connections are left to the next process.", EventName = "handover.left")]
    public static partial void LeftBehind(ILogger logger, int count);

    [LoggerMessage(1201, LogLevel.Error, "{Count} open connections could not be left to the next process and are ended.", EventName = "handover.left.failed")]
    public static partial void NotLeftBehind(ILogger logger, Exception exception, int count);

    [LoggerMessage(1202, LogLevel.Warning, "The service manager did not confirm that it keeps what it was given.", EventName = "handover.unconfirmed")]
    public static partial void NotSettled(ILogger logger);

    [LoggerMessage(1203, LogLevel.Information, "{Count} open connections were taken over from the process before; {Lost} were lost for want of descriptors.", EventName = "handover.received")]
    public static partial void Received(ILogger logger, int count, int lost);

    [LoggerMessage(1204, LogLevel.Error, "The open connections of the process before cannot be taken over.", EventName = "handover.received.failed")]
    public static partial void NotReceived(ILogger logger, Exception exception);

    [LoggerMessage(1205, LogLevel.Warning, "{Count} connections of {Listener} end: the configuration has no such layer-4 listener any more.", EventName = "handover.unwanted")]
    public static partial void Unwanted(ILogger logger, int count, string listener);

    [LoggerMessage(1206, LogLevel.Warning, "The service manager does not take the listening socket of {Address}: a restart will refuse connections there.", EventName = "handover.unkept")]
    public static partial void NotKept(ILogger logger, IPEndPoint address);
}
