using Microsoft.Extensions.Logging;

namespace Sentinel.Service.Lifetimes;

// Lifetimes own event ids 6050–6099.
internal static partial class Log
{
    [LoggerMessage(6050, LogLevel.Critical, "The watchdog gets no sign while these loops are silent: {Loops}.", EventName = "watchdog.withheld")]
    public static partial void WatchdogWithheld(ILogger logger, IReadOnlyList<string> loops);
}
