using System.Text;

namespace Sentinel.Service.Telemetry.Metrics;

/// <summary>
/// From OpenTelemetry's names to those of Prometheus (OpenTelemetry specification, "Prometheus and OpenMetrics
/// Compatibility"): other characters become underscores, the unit follows in full, and a counter ends in <c>_total</c>.
/// The ratio suffix for the unit 1 is left out.
/// </summary>
internal static class PrometheusName
{
    public static string Metric(string instrument, string unit, MetricKind kind)
    {
        var name = new StringBuilder(Clean(instrument, allowColon: true));
        if (UnitInFull(unit) is { } suffix && !EndsWith(name, suffix))
        {
            name.Append('_').Append(suffix);
        }

        if (kind == MetricKind.Counter && !EndsWith(name, "total"))
        {
            name.Append("_total");
        }

        return name.ToString();
    }

    public static string Label(string key) => Clean(key, allowColon: false);

    private static bool EndsWith(StringBuilder name, string word) => name.ToString().EndsWith("_" + word, StringComparison.Ordinal);

    /// <summary>Null for units that say nothing more than the name does: <c>1</c> and annotations such as <c>{connection}</c>.</summary>
    private static string? UnitInFull(string unit) => unit switch
    {
        "" or "1" => null,
        "s" => "seconds",
        "ms" => "milliseconds",
        "By" => "bytes",
        _ when unit[0] == '{' => null,
        _ => Clean(unit, allowColon: false),
    };

    private static string Clean(string text, bool allowColon)
    {
        var clean = new StringBuilder(text.Length + 1);
        foreach (var c in text)
        {
            var isFine = char.IsAsciiLetterOrDigit(c) || (allowColon && c == ':');
            if (isFine)
            {
                clean.Append(c);
            }
            else if (clean.Length == 0 || clean[^1] != '_')
            {
                clean.Append('_');
            }
        }

        if (clean.Length == 0 || char.IsAsciiDigit(clean[0]))
        {
            clean.Insert(0, '_');
        }

        return clean.ToString();
    }
}
