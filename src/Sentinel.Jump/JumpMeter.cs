using System.Diagnostics.Metrics;
using Sentinel.Backends;

namespace Sentinel.Jump;

/// <summary>The figures of this room. Names come from the configuration, never from clients.</summary>
internal sealed class JumpMeter : IDisposable
{
    private readonly Meter _meter = new("Sentinel.Jump");
    private readonly Counter<long> _syncFailures;

    public JumpMeter() =>
        _syncFailures = _meter.CreateCounter<long>("sentinel.sync.failures", description: "Fetches that failed in whole or in part, by what was fetched and from whom.");

    /// <summary>Shows a zero before the first failure.</summary>
    public void Expect(BackendId backend) => Count(backend, 0);

    public void CountSyncFailure(BackendId backend) => Count(backend, 1);

    public void Dispose() => _meter.Dispose();

    private void Count(BackendId backend, long failures) =>
        _syncFailures.Add(failures, new KeyValuePair<string, object?>("kind", "keys"), new KeyValuePair<string, object?>("backend", backend.Name));
}
