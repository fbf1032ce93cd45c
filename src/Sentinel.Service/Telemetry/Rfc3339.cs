using System.Globalization;

namespace Sentinel.Service.Telemetry;

/// <summary>Times as logs, status and records write them: UTC, to the millisecond (RFC 3339).</summary>
internal static class Rfc3339
{
    public static string Text(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
}
