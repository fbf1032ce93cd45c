using System.Globalization;
using System.Text;

namespace Sentinel.Service.Telemetry.Metrics;

/// <summary>The text exposition format, version 0.0.4.</summary>
internal static class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>Writes the families in the order given.</summary>
    public static string Write(IEnumerable<MetricFamily> families)
    {
        var text = new StringBuilder(16 * 1024);
        foreach (var family in families)
        {
            text.Append("# HELP ").Append(family.Name).Append(' ').Append(Escape(family.Help, quotes: false)).Append('\n');
            text.Append("# TYPE ").Append(family.Name).Append(' ').Append(KindName(family.Kind)).Append('\n');
            foreach (var (labels, series) in family.Series)
            {
                switch (series)
                {
                    case NumberSeries number:
                        Line(text, family.Name, "", labels, number.Value);
                        break;
                    case HistogramSeries histogram:
                        WriteHistogram(text, family.Name, labels, histogram);
                        break;
                }
            }
        }

        return text.ToString();
    }

    /// <summary>Label pairs as they stand between the braces. Sorted by name, so that the same pairs are the same series.</summary>
    public static string Labels(IEnumerable<KeyValuePair<string, string>> pairs) =>
        string.Join(',', pairs
            .OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => $"{pair.Key}=\"{Escape(pair.Value, quotes: true)}\""));

    private static void WriteHistogram(StringBuilder text, string name, string labels, HistogramSeries histogram)
    {
        var separator = labels.Length == 0 ? "" : ",";
        var below = 0L;
        foreach (var (bound, count) in histogram.Buckets)
        {
            below += count;
            Line(text, name, "_bucket", $"{labels}{separator}le=\"{Number(bound)}\"", below);
        }

        Line(text, name, "_sum", labels, histogram.Sum);
        Line(text, name, "_count", labels, below);
    }

    private static void Line(StringBuilder text, string name, string suffix, string labels, double value)
    {
        text.Append(name).Append(suffix);
        if (labels.Length > 0)
        {
            text.Append('{').Append(labels).Append('}');
        }

        text.Append(' ').Append(Number(value)).Append('\n');
    }

    private static string Number(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        double.NaN => "NaN",

        // Whole numbers in full: an exponent is legal, but nobody reads bytes that way.
        _ when Math.Abs(value) < 1e15 && value == Math.Floor(value) => ((long)value).ToString(CultureInfo.InvariantCulture),
        _ => value.ToString("R", CultureInfo.InvariantCulture),
    };

    private static string KindName(MetricKind kind) => kind switch
    {
        MetricKind.Counter => "counter",
        MetricKind.Histogram => "histogram",
        _ => "gauge",
    };

    private static string Escape(string text, bool quotes)
    {
        var escaped = text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        return quotes ? escaped.Replace("\"", "\\\"", StringComparison.Ordinal) : escaped;
    }
}
