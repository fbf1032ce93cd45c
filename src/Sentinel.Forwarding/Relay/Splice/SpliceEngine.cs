using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>
/// Carries connections on a few threads of its own, without .NET's socket engine: epoll, copying while a flow is small,
/// splice(2) once it is busy. Linux only; the fastest that there is. The threads are started with the first listener.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class SpliceEngine : IEngine
{
    private readonly TimeProvider _time;
    private readonly LoopRegistry _registry;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly SpliceLoop[] _loops;
    private readonly int _mostPipes;

    /// <param name="loops">Threads; zero: as many as suit this machine.</param>
    /// <param name="mostPipes">Flows that may be spliced at once, over all threads.</param>
    public SpliceEngine(TimeProvider time, LoopRegistry registry, ILogger logger, int loops = 0, int mostPipes = 512)
    {
        (_time, _registry, _logger, _mostPipes) = (time, registry, logger, mostPipes);
        _loops = new SpliceLoop[loops > 0 ? loops : DefaultLoops];
    }

    /// <inheritdoc/>
    public string Name => "splice";

    // one thread moves some ten gigabits; the peers that it speaks to need processors too
    private static int DefaultLoops => Math.Clamp(Environment.ProcessorCount / 2, 1, 4);

    /// <inheritdoc/>
    public ValueTask<Opening> OpenAsync(Gate gate, ListenerRules rules, ICarrier? current, CancellationToken cancellationToken)
    {
        if (current is not null)
        {
            return new(Opening.Of(current));
        }

        lock (_lock)
        {
            for (var i = 0; i < _loops.Length; i++)
            {
                if (_loops[i] is null && (_loops[i] = SpliceLoop.Start($"relay.splice.{i}", _mostPipes / _loops.Length, _time, _registry, _logger, out var error)!) is null)
                {
                    return new(Opening.Failed($"no descriptor could be had for the splice engine (error {error}): raise LimitNOFILE, or set engine to managed"));
                }
            }
        }

        return new(Opening.Of(new SpliceCarrier(gate, _loops)));
    }

    /// <summary>What each loop holds now.</summary>
    internal Task<SpliceUsage[]> UsageAsync() => Task.WhenAll(_loops.Select(loop => loop.UsageAsync()));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        SpliceLoop[] started;
        lock (_lock)
        {
            started = [.. _loops.Where(loop => loop is not null)];
        }

        foreach (var loop in started)
        {
            loop.Stop();
        }

        await Task.WhenAll(started.Select(loop => loop.Ended)).ConfigureAwait(false);
    }
}
