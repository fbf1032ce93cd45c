using Microsoft.Extensions.Logging;

namespace Sentinel.Recovery.Clouds.Process;

/// <summary>2200–2299.</summary>
internal static partial class Log
{
    [LoggerMessage(2200, LogLevel.Information, "{Instance} still runs as process {Pid} and is taken over.", EventName = "process.adopted")]
    public static partial void VmAdopted(ILogger logger, InstanceName instance, int pid);

    [LoggerMessage(2201, LogLevel.Information, "{Instance} {How}.", EventName = "process.ended")]
    public static partial void VmEnded(ILogger logger, InstanceName instance, string how);

    [LoggerMessage(2202, LogLevel.Error, "{Instance} could not be stopped: {Detail}", EventName = "process.stop.failed")]
    public static partial void VmNotStopped(ILogger logger, InstanceName instance, string detail);

    [LoggerMessage(2203, LogLevel.Error, "Processes of an earlier run of {Instance} do not end: {Pids}", EventName = "process.remains")]
    public static partial void VmRemains(ILogger logger, InstanceName instance, string pids);

    [LoggerMessage(2204, LogLevel.Error, "Clearing up after {Instance} failed in the sentinel itself.", EventName = "process.clear.failed")]
    public static partial void VmClearFailed(ILogger logger, Exception exception, InstanceName instance);

    [LoggerMessage(2205, LogLevel.Warning, "What is on record of {Instance} cannot be read; it is known by its marks: {Why}", EventName = "process.record.unreadable")]
    public static partial void VmRecordUnreadable(ILogger logger, InstanceName instance, string why);

    [LoggerMessage(2206, LogLevel.Warning, "The record of {Instance} cannot be written; it is known by its marks: {Why}", EventName = "process.record.unwritable")]
    public static partial void VmRecordUnwritable(ILogger logger, InstanceName instance, string why);

    [LoggerMessage(2207, LogLevel.Warning, "The output of {Instance} cannot be kept: {Why}", EventName = "process.log.unwritable")]
    public static partial void VmLogUnwritable(ILogger logger, InstanceName instance, string why);

    [LoggerMessage(2208, LogLevel.Warning, "{File} cannot be written; after a crash the next daemon will not know its child processes: {Why}", EventName = "process.owner.unwritable")]
    public static partial void OwnerUnwritable(ILogger logger, string file, string why);
}
