using Microsoft.Extensions.Logging;

namespace Sentinel.Service.Telemetry.Logging;

/// <summary>One event on its way to being written.</summary>
/// <param name="At">When.</param>
/// <param name="Level">How bad.</param>
/// <param name="Event">Stable dotted name.</param>
/// <param name="Id">Stable number; 0 if it has none.</param>
/// <param name="Message">For people.</param>
/// <param name="Fields">The event's own values, under the names of its message template.</param>
/// <param name="Error">What was thrown, if anything.</param>
internal readonly record struct LogLine(
    DateTimeOffset At,
    LogLevel Level,
    string Event,
    int Id,
    string Message,
    IReadOnlyList<KeyValuePair<string, object?>> Fields,
    Exception? Error);
