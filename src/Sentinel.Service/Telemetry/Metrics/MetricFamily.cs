namespace Sentinel.Service.Telemetry.Metrics;

/// <summary>What Prometheus calls the kinds of metrics that we have.</summary>
internal enum MetricKind
{
    Counter,
    Gauge,
    Histogram,
}

/// <summary>All series of one name.</summary>
/// <param name="Name">As Prometheus sees it.</param>
/// <param name="Kind">What the values mean.</param>
/// <param name="Help">One sentence for people.</param>
internal sealed record MetricFamily(string Name, MetricKind Kind, string Help)
{
    /// <summary>Every series once, by its labels as they are written: <c>listener="ssh",end="idle"</c>. Sorted.</summary>
    public SortedDictionary<string, MetricSeries> Series { get; } = new(StringComparer.Ordinal);
}

/// <summary>One series' value now. A closed family.</summary>
internal abstract record MetricSeries;

/// <summary>A counter's or gauge's value.</summary>
internal sealed record NumberSeries(double Value) : MetricSeries;

/// <summary>A histogram's buckets, not yet summed up, with their inclusive upper bounds; the last is infinite.</summary>
internal sealed record HistogramSeries(IReadOnlyList<(double Bound, long Count)> Buckets, double Sum) : MetricSeries;
