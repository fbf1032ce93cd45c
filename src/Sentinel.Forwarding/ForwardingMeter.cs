using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding;

/// <summary>The metrics of this room. Names are a contract (interfaces.md: dots become underscores, units become suffixes). Thread-safe.</summary>
internal sealed class ForwardingMeter : IDisposable
{
    public const string Name = "Sentinel.Forwarding";

    private static readonly double[] WaitSeconds = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 300, 600];
    private static readonly double[] ConnectSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

    private readonly Meter _meter = new(Name);
    private readonly Counter<long> _connections;
    private readonly Counter<long> _relayed;
    private readonly Histogram<double> _held;
    private readonly Histogram<double> _connects;
    private ImmutableArray<Gate> _gates = [];

    public ForwardingMeter()
    {
        _connections = _meter.CreateCounter<long>("sentinel.connections", description: "Connections that ended, by why.");
        _relayed = _meter.CreateCounter<long>("sentinel.relay", "By", "Bytes passed on.");
        _held = _meter.CreateHistogram<double>("sentinel.hold.duration", "s", "How long connections and requests waited for a backend.", advice: new() { HistogramBucketBoundaries = WaitSeconds });
        _connects = _meter.CreateHistogram<double>("sentinel.connect.duration", "s", "How long one attempt to reach a backend took.", advice: new() { HistogramBucketBoundaries = ConnectSeconds });
        _meter.CreateObservableUpDownCounter("sentinel.connections.active", () => Sum(gate => gate.Active), description: "Open connections.");
        _meter.CreateObservableUpDownCounter("sentinel.connections.held", () => Sum(gate => gate.Room.Count), description: "Connections and requests that wait for a backend.");
    }

    /// <summary>For instruments of other folders of this room.</summary>
    public Meter Meter => _meter;

    /// <summary>Shows a listener; a second time changes nothing.</summary>
    public void Watch(Gate gate) => ImmutableInterlocked.Update(ref _gates, gates => gates.Contains(gate) ? gates : gates.Add(gate));

    public void Forget(Gate gate) => ImmutableInterlocked.Update(ref _gates, gates => gates.Remove(gate));

    public void Ended(string listener, ConnectionEnd end, long count = 1) => _connections.Add(count, new("listener", listener), new("end", end.ToName()));

    public void Relayed(string listener, long toBackend, long toClient)
    {
        if (toBackend > 0)
        {
            _relayed.Add(toBackend, new("listener", listener), new("direction", "to_backend"));
        }

        if (toClient > 0)
        {
            _relayed.Add(toClient, new("listener", listener), new("direction", "to_client"));
        }
    }

    public void Held(string listener, string outcome, TimeSpan stay) =>
        _held.Record(stay.TotalSeconds, new("listener", listener), new("outcome", outcome));

    public void Dialled(PoolId pool, DialOutcome outcome, TimeSpan took) =>
        _connects.Record(took.TotalSeconds, new("pool", pool.Name), new("outcome", outcome.ToName()));

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    // A listener that drains and its successor may share a name for a while.
    private IEnumerable<Measurement<int>> Sum(Func<Gate, int> figure) =>
        _gates.GroupBy(gate => gate.Name).Select(same => new Measurement<int>(same.Sum(figure), new KeyValuePair<string, object?>("listener", same.Key)));
}
