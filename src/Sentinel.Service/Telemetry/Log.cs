namespace Sentinel.Service.Telemetry;

// Telemetry owns event ids 6000–6049.
internal static partial class Log
{
    /// <summary><c>log.dropped</c>: written by the queue itself, where no logger reaches.</summary>
    public const int DroppedId = 6000;
}
