using OpenTelemetry.Metrics;

namespace Sentinel.Service.Telemetry.Metrics;

/// <summary>
/// Answers a scrape with everything that is measured. Scrapes take turns, and those that come close together get the same
/// text: anybody may ask, and however often he does, it costs the daemon little. Thread-safe.
/// </summary>
internal sealed class MetricsScrape : IDisposable
{
    private static readonly TimeSpan CollectTimeout = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _turn = new(1);
    private readonly PrometheusExporter _exporter = new();
    private readonly BaseExportingMetricReader _reader;
    private (string Text, long At)? _last;

    public MetricsScrape() =>
        _reader = new BaseExportingMetricReader(_exporter) { TemporalityPreference = MetricReaderTemporalityPreference.Cumulative };

    /// <summary>What to add to the meter provider. Owned by this object.</summary>
    public MetricReader Reader => _reader;

    /// <summary>The text of one scrape.</summary>
    /// <param name="maxAge">How old figures may be.</param>
    /// <param name="cancellationToken">Whoever asked does not wait any more.</param>
    /// <returns>Null if collecting failed or took too long: no figures are better than some.</returns>
    public async Task<string?> ReadAsync(TimeSpan maxAge, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_last is { } last && TimeProvider.System.GetElapsedTime(last.At) < maxAge)
            {
                return last.Text;
            }

            _exporter.Families.Clear();
            if (!_exporter.Collect!((int)CollectTimeout.TotalMilliseconds))
            {
                return null;
            }

            var text = PrometheusText.Write(_exporter.Families.Values);
            _last = (text, TimeProvider.System.GetTimestamp());
            return text;
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _reader.Dispose();
        _turn.Dispose();
    }
}
