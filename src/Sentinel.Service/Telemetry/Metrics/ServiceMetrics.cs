using System.Diagnostics.Metrics;

namespace Sentinel.Service.Telemetry.Metrics;

/// <summary>What the daemon measures of itself.</summary>
internal sealed class ServiceMetrics : IDisposable
{
    private readonly Meter _meter = new("Sentinel.Service");
    private readonly Counter<long> _reloads;

    public ServiceMetrics(Func<long> droppedLogLines)
    {
        _meter.CreateObservableGauge(
            "sentinel.build.info", () => new Measurement<long>(1, new KeyValuePair<string, object?>("version", BuildInfo.Version)),
            description: "Always 1; the label tells the version that runs.");
        _meter.CreateObservableGauge("sentinel.leader", () => 1, description: "1 while this sentinel is the one that recovers backends.");
        _meter.CreateObservableCounter("sentinel.log.dropped", droppedLogLines, description: "Log lines lost because nobody read them in time.");
        _reloads = _meter.CreateCounter<long>("sentinel.config.reloads", description: "Attempts to apply a changed configuration file.");
        foreach (var outcome in Enum.GetValues<ReloadOutcome>())
        {
            _reloads.Add(0, Tag(outcome));
        }
    }

    public void Reloaded(ReloadOutcome outcome) => _reloads.Add(1, Tag(outcome));

    public void Dispose() => _meter.Dispose();

    private static KeyValuePair<string, object?> Tag(ReloadOutcome outcome) => new("outcome", outcome.ToString().ToLowerInvariant());
}

/// <summary>How an attempt to reload ended.</summary>
internal enum ReloadOutcome
{
    /// <summary>The new configuration is in force.</summary>
    Applied,

    /// <summary>It was wrong or could not be put into force; the old one goes on.</summary>
    Rejected,

    /// <summary>It said the same as before.</summary>
    Unchanged,
}
