using System.Globalization;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace Sentinel.Service.Telemetry.Metrics;

/// <summary>
/// Takes what OpenTelemetry's SDK aggregated and keeps it as families. Pulled, never pushed: it runs only inside
/// <see cref="MetricsScrape"/>, which lets one scrape through at a time.
/// </summary>
[ExportModes(ExportModes.Pull)]
internal sealed class PrometheusExporter : BaseExporter<Metric>, IPullMetricExporter
{
    /// <summary>Set by the reader: makes it call <see cref="Export"/>, within so many milliseconds.</summary>
    public Func<int, bool>? Collect { get; set; }

    /// <summary>The last collection, sorted by name.</summary>
    public SortedDictionary<string, MetricFamily> Families { get; } = new(StringComparer.Ordinal);

    public override ExportResult Export(in Batch<Metric> batch)
    {
        foreach (var metric in batch)
        {
            if (KindOf(metric.MetricType) is { } kind)
            {
                Take(metric, kind);
            }
        }

        return ExportResult.Success;
    }

    private void Take(Metric metric, MetricKind kind)
    {
        var name = PrometheusName.Metric(metric.Name, metric.Unit, kind);
        if (!Families.TryGetValue(name, out var family))
        {
            family = new MetricFamily(name, kind, string.IsNullOrEmpty(metric.Description) ? metric.Name : metric.Description);
        }

        foreach (ref readonly var point in metric.GetMetricPoints())
        {
            // Two instruments may share a name only by mistake; a series written twice would spoil the whole scrape.
            if (family.Kind == kind)
            {
                family.Series.TryAdd(LabelsOf(point), SeriesOf(metric.MetricType, point));
            }
        }

        if (family.Series.Count > 0)
        {
            Families[name] = family;
        }
    }

    private static string LabelsOf(in MetricPoint point)
    {
        var pairs = new List<KeyValuePair<string, string>>();
        foreach (var tag in point.Tags)
        {
            pairs.Add(new(PrometheusName.Label(tag.Key), Convert.ToString(tag.Value, CultureInfo.InvariantCulture) ?? ""));
        }

        return PrometheusText.Labels(pairs);
    }

    private static MetricKind? KindOf(MetricType type) => type switch
    {
        MetricType.LongSum or MetricType.DoubleSum => MetricKind.Counter,
        MetricType.LongGauge or MetricType.DoubleGauge or MetricType.LongSumNonMonotonic or MetricType.DoubleSumNonMonotonic => MetricKind.Gauge,
        MetricType.Histogram => MetricKind.Histogram,
        _ => null,
    };

    private static MetricSeries SeriesOf(MetricType type, in MetricPoint point) => type switch
    {
        MetricType.LongSum or MetricType.LongSumNonMonotonic => new NumberSeries(point.GetSumLong()),
        MetricType.DoubleSum or MetricType.DoubleSumNonMonotonic => new NumberSeries(point.GetSumDouble()),
        MetricType.LongGauge => new NumberSeries(point.GetGaugeLastValueLong()),
        MetricType.DoubleGauge => new NumberSeries(point.GetGaugeLastValueDouble()),
        _ => Histogram(point),
    };

    private static HistogramSeries Histogram(in MetricPoint point)
    {
        var buckets = new List<(double, long)>();
        foreach (var bucket in point.GetHistogramBuckets())
        {
            buckets.Add((bucket.ExplicitBound, bucket.BucketCount));
        }

        return new HistogramSeries(buckets, point.GetHistogramSum());
    }
}
