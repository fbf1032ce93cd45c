using Microsoft.Extensions.Logging;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>2300–2399.</summary>
internal static partial class Log
{
    [LoggerMessage(2300, LogLevel.Error, "A look at zone {Zone} failed in the sentinel itself; the next goes on.", EventName = "gce.round.failed")]
    public static partial void RoundFailed(ILogger logger, Exception exception, string zone);

    [LoggerMessage(2301, LogLevel.Warning, "Compute Engine cannot be asked about zone {Zone}; health checks alone count: {Why}", EventName = "gce.blind")]
    public static partial void Blind(ILogger logger, string zone, string why);

    [LoggerMessage(2303, LogLevel.Warning, "Why VMs of zone {Zone} stop cannot be read; those that stop without a known reason are not started until it can: {Why}", EventName = "gce.reasons.unreadable")]
    public static partial void ReasonsUnreadable(ILogger logger, string zone, string why);

    [LoggerMessage(2304, LogLevel.Warning, "The description of {Instance} cannot be written; it is kept in memory: {Why}", EventName = "gce.description.unwritable")]
    public static partial void DescriptionUnwritable(ILogger logger, InstanceName instance, string why);

    [LoggerMessage(2305, LogLevel.Warning, "The description of {Instance} cannot be read and counts as unknown: {Why}", EventName = "gce.description.unreadable")]
    public static partial void DescriptionUnreadable(ILogger logger, InstanceName instance, string why);

    [LoggerMessage(2306, LogLevel.Warning, "Where {Instance} is cannot be found out; it is looked for again: {Why}", EventName = "gce.place.unknown")]
    public static partial void NotFoundYet(ILogger logger, InstanceName instance, string why);

    [LoggerMessage(2307, LogLevel.Error, "The descriptions of VMs of zone {Zone} were not written within {Seconds:0} s; they are kept in memory.", EventName = "gce.descriptions.slow")]
    public static partial void DescriptionsSlow(ILogger logger, string zone, double seconds);

    [LoggerMessage(2302, LogLevel.Information, "Compute Engine answers again about zone {Zone}.", EventName = "gce.sees")]
    public static partial void SeesAgain(ILogger logger, string zone);
}
