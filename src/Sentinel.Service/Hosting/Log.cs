using Microsoft.Extensions.Logging;

namespace Sentinel.Service.Hosting;

// Starting, reloading and stopping own event ids 6200–6249.
internal static partial class Log
{
    [LoggerMessage(6200, LogLevel.Information, "Sentinel {Version} is up as {Name}: {Backends} backends, {Listeners} listeners; status on http://{Admin}/.", EventName = "daemon.started")]
    public static partial void Started(ILogger logger, string version, string name, int backends, int listeners, string admin);

    [LoggerMessage(6201, LogLevel.Information, "Stopping: no new connections; open ones may finish.", EventName = "daemon.stopping")]
    public static partial void Stopping(ILogger logger);

    [LoggerMessage(6202, LogLevel.Information, "Stopped.", EventName = "daemon.stopped")]
    public static partial void Stopped(ILogger logger);

    [LoggerMessage(6203, LogLevel.Information, "{File} is in force.", EventName = "config.applied")]
    public static partial void Applied(ILogger logger, string file);

    [LoggerMessage(6204, LogLevel.Information, "{File} says what is in force already.", EventName = "config.unchanged")]
    public static partial void Unchanged(ILogger logger, string file);

    [LoggerMessage(6205, LogLevel.Error, "{File} was refused and what was in force goes on: {Errors}", EventName = "config.rejected")]
    public static partial void Rejected(ILogger logger, string file, IReadOnlyList<string> errors);

    [LoggerMessage(6206, LogLevel.Error, "A reload failed by a fault of ours; what was in force goes on.", EventName = "config.failed")]
    public static partial void ReloadFailed(ILogger logger, Exception exception);

    [LoggerMessage(6208, LogLevel.Error, "Watching the configuration file failed; it is tried again.", EventName = "config.watch.failed")]
    public static partial void WatchFailed(ILogger logger, Exception exception);

    [LoggerMessage(6207, LogLevel.Error, "A task failed and nobody was there to see it.", EventName = "daemon.task.failed")]
    public static partial void TaskFailed(ILogger logger, Exception exception);
}
