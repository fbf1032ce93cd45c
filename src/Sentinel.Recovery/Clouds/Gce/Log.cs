using Microsoft.Extensions.Logging;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>2300–2399.</summary>
internal static partial class Log
{
    [LoggerMessage(2300, LogLevel.Error, "A look at zone {Zone} failed in the sentinel itself; the next goes on.", EventName = "gce.round.failed")]
    public static partial void RoundFailed(ILogger logger, Exception exception, string zone);

    [LoggerMessage(2301, LogLevel.Warning, "Compute Engine cannot be asked about zone {Zone}; health checks alone count: {Why}", EventName = "gce.blind")]
    public static partial void Blind(ILogger logger, string zone, string why);

    [LoggerMessage(2302, LogLevel.Information, "Compute Engine answers again about zone {Zone}.", EventName = "gce.sees")]
    public static partial void SeesAgain(ILogger logger, string zone);
}
