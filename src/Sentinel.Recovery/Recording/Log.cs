using Microsoft.Extensions.Logging;

namespace Sentinel.Recovery.Recording;

/// <summary>2100–2199.</summary>
internal static partial class Log
{
    [LoggerMessage(2100, LogLevel.Error, "The outage records in {Directory} cannot be read: {Why}", EventName = "records.unreadable")]
    public static partial void RecordsUnreadable(ILogger logger, string directory, string why);

    [LoggerMessage(2101, LogLevel.Warning, "{File} is not an outage record that can be read and is left alone: {Why}", EventName = "records.file.unreadable")]
    public static partial void RecordUnreadable(ILogger logger, string file, string why);

    [LoggerMessage(2102, LogLevel.Error, "{Count} outage records cannot be written; recovery goes on without: {Why}", EventName = "records.unwritable")]
    public static partial void RecordUnwritable(ILogger logger, int count, string why);

    [LoggerMessage(2103, LogLevel.Information, "Outage records can be written again.", EventName = "records.writable")]
    public static partial void RecordsWritable(ILogger logger);

    [LoggerMessage(2104, LogLevel.Error, "{File} cannot be written: {Why}", EventName = "records.drained.unwritable")]
    public static partial void DrainedUnwritable(ILogger logger, string file, string why);

    [LoggerMessage(2105, LogLevel.Warning, "{File} cannot be read; nobody counts as drained: {Why}", EventName = "records.drained.unreadable")]
    public static partial void DrainedUnreadable(ILogger logger, string file, string why);
}
