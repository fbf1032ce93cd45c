using Sentinel.Service.Configuration;
using Sentinel.Service.Telemetry.Logging;
using Sentinel.Service.Telemetry.Metrics;

namespace Sentinel.Service.Telemetry;

/// <summary>Logs and metrics of the process: set up at the start, changed by a reload, flushed at the end.</summary>
internal sealed class TelemetryRoom : IDisposable
{
    private readonly MetricsPipeline _metrics;
    private readonly ProcessMetrics _process;
    private readonly bool _isJournal;
    private readonly bool _isColourTerminal;

    /// <param name="name">This sentinel's name.</param>
    /// <param name="output">Where logs go.</param>
    /// <param name="toConsole">Whether that is standard output.</param>
    /// <param name="settings">As configured.</param>
    /// <param name="backends">How many there are to tell of.</param>
    /// <param name="time">Stamps the log.</param>
    public TelemetryRoom(string name, Stream output, bool toConsole, TelemetrySettings settings, int backends, TimeProvider time)
    {
        _isJournal = toConsole && StandardOutput.IsJournal();
        _isColourTerminal = toConsole && !_isJournal && StandardOutput.IsColourTerminal();
        Logs = new SentinelLoggerProvider(output, FormatOf(settings.Logs), time);

        // Before every instrument: what a counter counts while nobody listens is lost, its first zero included.
        _metrics = new MetricsPipeline(name, backends);
        _process = new ProcessMetrics();
        Service = new ServiceMetrics(() => Logs.Dropped);
        Apply(settings);
    }

    /// <summary>The only logger.</summary>
    public SentinelLoggerProvider Logs { get; }

    /// <summary>The daemon's own instruments.</summary>
    public ServiceMetrics Service { get; }

    /// <summary>What <c>/metrics</c> answers with.</summary>
    public MetricsScrape Scrape => _metrics.Scrape;

    /// <summary>Puts settings in force.</summary>
    public void Apply(TelemetrySettings settings)
    {
        Logs.Minimum = settings.LogLevel;
        Logs.Format = FormatOf(settings.Logs);
        _metrics.ExportTo(settings.OtlpEndpoint);
    }

    /// <summary>Sends what is left to the collector, for whose answer this waits a few seconds, and nothing more from now on.</summary>
    public void StopExporting() => _metrics.ExportTo(null);

    /// <summary>Sends and writes what is left.</summary>
    public void Dispose()
    {
        _metrics.Dispose();
        Service.Dispose();
        _process.Dispose();
        Logs.Dispose();
    }

    private ILogFormat FormatOf(LogFormat format) => format == LogFormat.Json
        ? new JsonLogFormat(_isJournal)
        : new TextLogFormat(_isJournal, _isColourTerminal);
}
