using OpenTelemetry.Metrics;

namespace Sentinel.Service.Telemetry.Metrics;

/// <summary>Answers a scrape with everything that is measured, now. Scrapes take turns. Thread-safe.</summary>
internal sealed class MetricsScrape : IDisposable
{
    private static readonly TimeSpan CollectTimeout = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly PrometheusExporter _exporter = new();
    private readonly BaseExportingMetricReader _reader;

    public MetricsScrape() =>
        _reader = new BaseExportingMetricReader(_exporter) { TemporalityPreference = MetricReaderTemporalityPreference.Cumulative };

    /// <summary>What to add to the meter provider. Owned by this object.</summary>
    public MetricReader Reader => _reader;

    /// <summary>The text of one scrape.</summary>
    /// <returns>Null if collecting failed or took too long: no figures are better than some.</returns>
    public string? Read()
    {
        lock (_lock)
        {
            _exporter.Families.Clear();
            return _exporter.Collect!((int)CollectTimeout.TotalMilliseconds) ? PrometheusText.Write(_exporter.Families.Values) : null;
        }
    }

    public void Dispose() => _reader.Dispose();
}
