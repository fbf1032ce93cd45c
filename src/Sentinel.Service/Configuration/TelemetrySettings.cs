using Microsoft.Extensions.Logging;

namespace Sentinel.Service.Configuration;

/// <summary>How a log line is written.</summary>
internal enum LogFormat
{
    /// <summary>One object a line, for programs.</summary>
    Json,

    /// <summary>For people.</summary>
    Text,
}

/// <summary>Logs and export.</summary>
internal sealed record TelemetrySettings
{
    /// <summary>How a log line is written.</summary>
    public LogFormat Logs { get; init; }

    /// <summary>Anything below is not logged.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>An OpenTelemetry collector that metrics are also sent to; null for none.</summary>
    public Uri? OtlpEndpoint { get; init; }
}
