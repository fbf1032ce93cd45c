using Microsoft.Extensions.Logging;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary><c>telemetry</c>.</summary>
internal sealed class TelemetryShape : ObjectShape<TelemetrySettings>
{
    private static readonly TelemetrySettings Defaults = new();

    private static readonly Key<LogFormat> Logs = Key.Default("logs", new WordShape<LogFormat>([]), Defaults.Logs,
        "json: one object a line; text: for people.");

    private static readonly Key<LogLevel> Level = Key.Default("logLevel", new WordShape<LogLevel>([]), Defaults.LogLevel,
        "Anything below is not logged.");

    private static readonly Key<Uri> OtlpEndpoint = Key.Optional("otlpEndpoint",
        new TextShape<Uri>(WebAddress.Expected, WebAddress.Parse) { Pattern = "^https?://" },
        "An OpenTelemetry collector that metrics are also sent to.");

    public override IReadOnlyList<Key> Keys { get; } = [Logs, Level, OtlpEndpoint];

    protected override string Noun => "telemetry";

    protected override TelemetrySettings Build(Fields fields) => new()
    {
        Logs = fields.Get(Logs),
        LogLevel = fields.Get(Level),
        OtlpEndpoint = fields.OrNull(OtlpEndpoint),
    };
}
