using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Sentinel.Backends;
using Sentinel.Recovery.Clouds;

namespace Sentinel.Recovery;

/// <summary>
/// The figures of this room. What belongs to a backend is observed from <see cref="BackendFigures"/>, so that a backend
/// that is gone from the configuration is gone from the figures.
/// </summary>
internal sealed class RecoveryMeter : IDisposable
{
    public const string Name = "Sentinel.Recovery";

    private static readonly BackendState[] States = Enum.GetValues<BackendState>();

    private readonly Meter _meter = new(Name);
    private readonly ConcurrentDictionary<BackendId, BackendFigures> _backends = [];
    private readonly Histogram<double> _outages;
    private readonly Counter<long> _requests;
    private readonly Histogram<double> _requestDuration;

    public RecoveryMeter()
    {
        _meter.CreateObservableGauge("sentinel.backend.healthy", () => Each(figures => figures.Healthy ? 1 : 0), description: "Whether a backend passes its checks.");
        _meter.CreateObservableGauge("sentinel.backend.state", ObserveStates, description: "1 for the state that a backend is in, 0 for every other.");
        _meter.CreateObservableCounter("sentinel.health.checks", ObserveChecks, description: "Health checks by outcome.");
        _meter.CreateObservableCounter("sentinel.preemptions", () => Each(figures => figures.Preemptions), description: "Preemptions since the daemon started.");
        _meter.CreateObservableCounter("sentinel.recovery.attempts", ObserveAttempts, description: "Attempts to bring a backend back, by what was asked of its cloud and what came of it.");
        _outages = _meter.CreateHistogram(
            "sentinel.outage.duration", "s", "How long outages last that are over.", advice: new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries = [1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800, 3600, 14400, 86400],
            });
        _requests = _meter.CreateCounter<long>("sentinel.cloud.requests", description: "Requests to clouds by outcome.");
        _requestDuration = _meter.CreateHistogram(
            "sentinel.cloud.request.duration", "s", "How long requests to clouds take, retries included.", advice: new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
            });
    }

    public void Dispose() => _meter.Dispose();

    /// <summary>Shows a backend until <see cref="Remove"/>.</summary>
    public BackendFigures Add(BackendId backend) => _backends[backend] = new BackendFigures();

    public void Remove(BackendId backend, BackendFigures figures) => _backends.TryRemove(new(backend, figures));

    public void CountOutage(BackendId backend, TimeSpan duration) => _outages.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("backend", backend.Name));

    public void CountCloudRequest(string provider, string method, CloudResult result, TimeSpan duration)
    {
        var (ofProvider, ofMethod) = (new KeyValuePair<string, object?>("provider", provider), new KeyValuePair<string, object?>("method", method));
        _requests.Add(1, ofProvider, ofMethod, new("outcome", result.ToName()));
        _requestDuration.Record(duration.TotalSeconds, ofProvider, ofMethod);
    }

    private IEnumerable<Measurement<long>> Each(Func<BackendFigures, long> value) =>
        _backends.Select(backend => new Measurement<long>(value(backend.Value), new KeyValuePair<string, object?>("backend", backend.Key.Name)));

    private IEnumerable<Measurement<long>> ObserveStates() =>
        from backend in _backends
        from state in States
        select new Measurement<long>(backend.Value.State == state ? 1 : 0, new("backend", backend.Key.Name), new("state", state.ToName()));

    private IEnumerable<Measurement<long>> ObserveChecks() =>
        from backend in _backends
        from outcome in new[] { ("passed", backend.Value.ChecksPassed), ("failed", backend.Value.ChecksFailed) }
        select new Measurement<long>(outcome.Item2, new("backend", backend.Key.Name), new("outcome", outcome.Item1));

    private IEnumerable<Measurement<long>> ObserveAttempts() =>
        from backend in _backends
        from attempts in backend.Value.Attempts
        select new Measurement<long>(
            attempts.Value, new("backend", backend.Key.Name), new("action", attempts.Key.Action), new("outcome", attempts.Key.Result.ToName()));
}

/// <summary>The figures of one backend: written by its loop, read by whoever asks.</summary>
internal sealed class BackendFigures
{
    private long _checksPassed;
    private long _checksFailed;
    private long _preemptions;

    public volatile bool Healthy;

    public volatile BackendState State;

    public long ChecksPassed => Volatile.Read(ref _checksPassed);

    public long ChecksFailed => Volatile.Read(ref _checksFailed);

    public long Preemptions => Volatile.Read(ref _preemptions);

    public ConcurrentDictionary<(string Action, CloudResult Result), long> Attempts { get; } = [];

    public void CountCheck(bool passed) => Interlocked.Increment(ref passed ? ref _checksPassed : ref _checksFailed);

    public void CountPreemptions(int more) => Interlocked.Add(ref _preemptions, more);

    public void CountAttempt(string action, CloudResult result) => Attempts.AddOrUpdate((action, result), 1, (_, count) => count + 1);
}
