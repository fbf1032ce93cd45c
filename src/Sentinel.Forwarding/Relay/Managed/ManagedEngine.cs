using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay.Managed;

/// <summary>Relays with the sockets of .NET, on any system; and the reference that a faster engine is compared with.</summary>
internal sealed class ManagedEngine : IEngine
{
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private readonly LoopRegistry _loops;
    private readonly ILogger _logger;
    private readonly Dialler _dialler;
    private readonly LoopProgress _progress;
    private readonly ITimer _sweeps;
    private ImmutableArray<ManagedCarrier> _carriers = [];
    private int _sweeping;

    public ManagedEngine(LoopRegistry loops, TimeProvider time, ILogger logger)
    {
        (_time, _loops, _logger) = (time, loops, logger);
        _dialler = new(time);
        _progress = loops.Add("relay.managed");
        _sweeps = time.CreateTimer(_ => Sweep(), null, SweepInterval, SweepInterval);
    }

    public string Name => "managed";

    public ValueTask<Opening> OpenAsync(Gate gate, ListenerRules rules, ICarrier? current, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Opening.Of(current ?? Open(gate)));

    public async ValueTask DisposeAsync()
    {
        await _sweeps.DisposeAsync().ConfigureAwait(false);
        _progress.Dispose();
    }

    private ManagedCarrier Open(Gate gate)
    {
        var carrier = new ManagedCarrier(gate, _dialler, _loops, _logger, drained: done => ImmutableInterlocked.Update(ref _carriers, all => all.Remove(done)));
        ImmutableInterlocked.Update(ref _carriers, all => all.Add(carrier));
        return carrier;
    }

    /// <summary>Looks after every connection once a second: what no read or write would notice.</summary>
    private void Sweep()
    {
        // A timer does not wait for its last call.
        if (Interlocked.Exchange(ref _sweeping, 1) != 0)
        {
            return;
        }

        try
        {
            var now = _time.GetTimestamp();
            foreach (var carrier in _carriers)
            {
                carrier.Sweep(now);
            }

            _progress.Beat();
        }
        catch (Exception e)
        {
            Log.SweepFailed(_logger, e);
        }
        finally
        {
            Volatile.Write(ref _sweeping, 0);
        }
    }
}
