using Microsoft.Extensions.Logging;
using Sentinel.Backends;

namespace Sentinel.Recovery.Watching;

internal static partial class Log
{
    [LoggerMessage(2801, LogLevel.Error, "A check of {Backend} failed in the sentinel itself.", EventName = "health.check.failed")]
    public static partial void ProbeFailed(ILogger logger, Exception exception, BackendId backend);

    [LoggerMessage(2802, LogLevel.Error, "A round of checks failed in the sentinel itself; the next goes on.", EventName = "health.round.failed")]
    public static partial void ProbeRoundFailed(ILogger logger, Exception exception);

    [LoggerMessage(2803, LogLevel.Error, "Backends cannot be checked, because this machine lacks what it takes; they keep their verdicts: {Why}", EventName = "health.checks.starved")]
    public static partial void ProbesStarved(ILogger logger, string why);
}
