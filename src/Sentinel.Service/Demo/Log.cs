using Microsoft.Extensions.Logging;

namespace Sentinel.Service.Demo;

// The demo owns event ids 6500–6549.
internal static partial class Log
{
    [LoggerMessage(6500, LogLevel.Information, "Playing the cloud: {Backend} is killed, process group {Process}.", EventName = "demo.preempting")]
    public static partial void Preempting(ILogger logger, string backend, int process);
}
