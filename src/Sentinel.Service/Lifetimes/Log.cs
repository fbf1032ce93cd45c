using Microsoft.Extensions.Logging;

namespace Sentinel.Service.Lifetimes;

// Lifetimes own event ids 6050–6099.
internal static partial class Log
{
    [LoggerMessage(6050, LogLevel.Critical, "The watchdog gets no sign while these loops are silent: {Loops}.", EventName = "watchdog.withheld")]
    public static partial void WatchdogWithheld(ILogger logger, IReadOnlyList<string> loops);

    [LoggerMessage(6051, LogLevel.Warning, "Open connections drain and do not go on in the next process: the file-descriptor store of {Unit} has no room. Raise FileDescriptorStoreMax= above the number of listening addresses.", EventName = "handover.store.full")]
    public static partial void StoreIsFull(ILogger logger, string unit);

    [LoggerMessage(6052, LogLevel.Warning, "systemd does not say whether this is a restart or a stop for good: connections are left to the next process, and end should there be none. See ExecStop= in the unit that comes with Sentinel.", EventName = "handover.unasked")]
    public static partial void SystemdIsSilent(ILogger logger);
}
