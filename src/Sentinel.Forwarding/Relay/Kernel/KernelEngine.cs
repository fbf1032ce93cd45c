using System.Collections.Immutable;
using System.ComponentModel;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay.Kernel;

/// <summary>
/// Has the kernel carry connections: while a pool serves, nftables rewrites the destination of new ones, and no byte of
/// them comes through this process. While it does not, the rules are gone and user space accepts, holds and relays.
/// One loop plans, exchanges the table and visits the kernel's connections, whenever something changed and every second.
/// </summary>
internal sealed class KernelEngine : IEngine
{
    private readonly IEngine _inner;
    private readonly TableInForce? _table;
    private readonly TimeProvider _time;
    private readonly TimeSpan _tick;
    private readonly TimeSpan _readInterval;
    private readonly ILogger _logger;
    private readonly LoopProgress _progress;
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly SemaphoreSlim _turn = new(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _ticks;
    private readonly Task _loop;
    private readonly Lock _lock = new();
    private ImmutableArray<Lane> _lanes = []; // the newest first
    private IDisposable? _subscription;
    private bool _hasLeft;
    private TimeSpan _visitPause;
    private long _lastVisit;
    private long _lastRead;

    /// <param name="sentinel">The sentinel's name: the table's is made from it.</param>
    /// <param name="inner">Carries what the kernel does not. Stays the caller's.</param>
    /// <param name="loops">Where the loop shows that it lives.</param>
    /// <param name="time">The clock of the rounds.</param>
    /// <param name="logger">Where it tells what the kernel does.</param>
    /// <param name="tick">Between two looks at open connections, 1 s unless given; counters are read at every fifth, since that starts a program.</param>
    public KernelEngine(string sentinel, IEngine inner, LoopRegistry loops, TimeProvider time, ILogger logger, TimeSpan? tick = null)
    {
        (_inner, _time, _logger, _tick) = (inner, time, logger, tick ?? TimeSpan.FromSeconds(1));
        (_readInterval, _visitPause) = (_tick * 5, _tick);
        _lastVisit = _lastRead = time.GetTimestamp();
        _table = NftProgram.Find(time) is { } nft ? new(sentinel, nft, logger) : null;
        _progress = loops.Add("relay.kernel");
        _ticks = time.CreateTimer(_ => Wake(), null, _tick, _tick);
        _loop = Task.Run(RunAsync);
    }

    public string Name => "kernel";

    /// <summary>
    /// Removes what a sentinel of this name left in the kernel when it was killed. For a start without any listener of
    /// this engine; one with such a listener takes the table over, and the connections in it live on.
    /// </summary>
    /// <returns>Why it could not be removed, as a sentence; null if it is gone, was never there, or nothing here could have made it.</returns>
    public static async Task<string?> RemoveLeftoverAsync(string sentinel, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsLinux() || NftProgram.Find(time) is not { } nft)
        {
            return null;
        }

        var (_, absent) = await nft.ListCountersAsync(NftTable.NameFor(sentinel), cancellationToken).ConfigureAwait(false);
        return absent is null && await nft.ApplyAsync(NftRules.RenderRemoval(sentinel), cancellationToken).ConfigureAwait(false) is { } complaint
            ? KernelLimits.Explain(complaint)
            : null;
    }

    public async ValueTask<Opening> OpenAsync(Gate gate, ListenerRules rules, ICarrier? current, CancellationToken cancellationToken)
    {
        if (Refusal(gate, rules) is { } refusal)
        {
            return Opening.Failed(refusal);
        }

        var before = current as KernelCarrier;
        var opening = await _inner.OpenAsync(gate, rules, before?.Inner, cancellationToken).ConfigureAwait(false);
        if (opening.Carrier is null || (before is not null && opening.Carrier == before.Inner))
        {
            return opening.Carrier is null ? opening : Opening.Of(before!);
        }

        _subscription ??= gate.Pools.Subscribe(_ => Wake());
        var carrier = new KernelCarrier(opening.Carrier, this, _lanes.FirstOrDefault(lane => lane.Gate == gate) ?? NewLane(gate));
        Keep(carrier.Lane);
        if (await TryTableAsync(cancellationToken).ConfigureAwait(false) is { } complaint)
        {
            await carrier.DrainAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
            return Opening.Failed(complaint);
        }

        return Opening.Of(carrier);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        await _ticks.DisposeAsync().ConfigureAwait(false);
        _progress.Dispose();
        _subscription?.Dispose();
        if (_table is not null && !_hasLeft)
        {
            await _table.RemoveAsync(CancellationToken.None).ConfigureAwait(false);
        }

        _stop.Dispose();
        _turn.Dispose();
    }

    /// <summary>
    /// Leaves the table as it is to the next process, which takes it over as it would after a crash. From here on nothing
    /// is touched any more: without its table the kernel would not rewrite packets of open connections either.
    /// </summary>
    public async Task LeaveAsync()
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        _hasLeft = true;
        _turn.Release();
    }

    /// <summary>Looks after a lane, if it is not looked after already.</summary>
    public void Keep(Lane lane)
    {
        lock (_lock)
        {
            _lanes = _lanes.Contains(lane) ? _lanes : _lanes.Insert(0, lane);
        }

        Wake();
    }

    /// <summary>Something changed. Never blocks: any number of calls make one round.</summary>
    public void Wake() => _wake.Writer.TryWrite(true);

    private Lane NewLane(Gate gate)
    {
        // A listener that was removed and is drained, and one that came since, may share a name.
        var name = gate.Name;
        for (var i = 2; _lanes.Any(lane => lane.Name == name); i++)
        {
            name = $"{gate.Name}#{i}";
        }

        return new(gate, name, _logger);
    }

    private string? Refusal(Gate gate, ListenerRules rules)
    {
        var pool = gate.Pools.Current.Pools.GetValueOrDefault(rules.Destination.Pool);
        return !OperatingSystem.IsLinux() ? "engine kernel needs Linux; choose another engine"
            : _table is null ? "engine kernel needs the program nft; install the package nftables"
            : KernelLimits.Refusal(rules.Settings)
                ?? (pool is null ? null : KernelLimits.Refusal(pool.Definition))
                ?? KernelLimits.Refusal(rules.Settings.Bind.Select(bind => bind.EndPoint?.AddressFamily ?? AddressFamily.InterNetwork));
    }

    /// <summary>Whether the kernel takes our table at all. Nothing more is diverted by it than before.</summary>
    private async Task<string?> TryTableAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var complaint = await _table!.CheckAsync(cancellationToken).ConfigureAwait(false)
                ?? await PutAsync(_lanes, cancellationToken).ConfigureAwait(false);
            if (complaint is not null)
            {
                return KernelLimits.Explain(complaint);
            }

            Tracker.Visit(_ => false);
            return null;
        }
        catch (Exception e) when (e is Win32Exception or SocketException)
        {
            return $"engine kernel cannot see the kernel's connections ({e.Message}); it needs CAP_NET_ADMIN and the module nf_conntrack_netlink";
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _wake.Reader.ReadAsync(_stop.Token).ConfigureAwait(false);
                _progress.Beat();
                await _turn.WaitAsync(_stop.Token).ConfigureAwait(false);
                try
                {
                    await RoundAsync(_stop.Token).ConfigureAwait(false);
                }
                finally
                {
                    _turn.Release();
                }
            }
            catch (Exception e) when (!_stop.IsCancellationRequested)
            {
                Log.RoundFailed(_logger, e);
            }
            catch (OperationCanceledException)
            {
                // stopped
            }
        }
    }

    private async Task RoundAsync(CancellationToken cancellationToken)
    {
        if (_hasLeft)
        {
            return;
        }

        var lanes = _lanes;
        var isInForce = _table is not null && await PutAsync(lanes, cancellationToken).ConfigureAwait(false) is null;
        try
        {
            await LookAsync(lanes, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // Lanes that are to stop must stop, whether or not their connections could be ended.
            Log.RoundFailed(_logger, e);
        }

        foreach (var lane in lanes)
        {
            End(lane, isInForce);
        }
    }

    private async Task LookAsync(ImmutableArray<Lane> lanes, CancellationToken cancellationToken)
    {
        if (_time.GetElapsedTime(_lastRead) >= _readInterval || lanes.Any(lane => lane.IsDraining))
        {
            _lastRead = _time.GetTimestamp();
            await ReadCountersAsync(lanes, cancellationToken).ConfigureAwait(false);
        }

        var isDue = _time.GetElapsedTime(_lastVisit) >= _visitPause;
        if (!isDue && !lanes.Any(lane => lane.WantsVisit))
        {
            return;
        }

        var start = _time.GetTimestamp();
        Visit(lanes);
        if (isDue)
        {
            // With very many connections a visit costs time: never more than a twentieth of it.
            _lastVisit = _time.GetTimestamp();
            var pause = _time.GetElapsedTime(start) * 20;
            _visitPause = pause > _tick ? pause : _tick;
        }
    }

    /// <summary>Brings the table into the state that lanes and pools ask for.</summary>
    private async Task<string?> PutAsync(ImmutableArray<Lane> lanes, CancellationToken cancellationToken) =>
        await _table!.PutAsync([.. lanes.Select(lane => lane.Plan())], RestartCountersAsync, cancellationToken).ConfigureAwait(false);

    private async Task RestartCountersAsync()
    {
        await ReadCountersAsync(_lanes, _stop.Token).ConfigureAwait(false);
        foreach (var lane in _lanes)
        {
            lane.ForgetCounters();
        }
    }

    private async Task ReadCountersAsync(ImmutableArray<Lane> lanes, CancellationToken cancellationToken)
    {
        var counters = _table is null ? null : await _table.ReadAsync(cancellationToken).ConfigureAwait(false);
        foreach (var lane in lanes)
        {
            if (counters?.TryGetValue(lane.Name, out var now) is true)
            {
                lane.Tell(now);
            }
        }
    }

    /// <summary>Counts the connections in the kernel, and ends those that are to end.</summary>
    private void Visit(ImmutableArray<Lane> lanes)
    {
        var known = lanes
            .SelectMany(lane => lane.Targets, (lane, target) => (Lane: lane, Target: target))
            .ToLookup(pair => pair.Target.EndPoint);
        var goners = known.Count == 0 ? [] : Tracker.Visit(flow =>
        {
            var (lane, target) = known[flow.Backend].FirstOrDefault(pair => pair.Lane.Took(flow.To));
            return target is not null && target.Visit(flow, lane.IsStopped);
        });
        foreach (var lane in lanes)
        {
            lane.Settle();
        }

        // One that is still opening repeats its SYN by itself.
        Tell([.. goners.Where(flow => flow is { IsOpen: true, IsOpening: false })]);
    }

    private void Tell(IReadOnlyList<TrackedFlow> goners)
    {
        try
        {
            Nudge.Send(goners);
        }
        catch (SocketException e)
        {
            Log.ClientsNotTold(_logger, goners.Count, e.SocketErrorCode);
        }
    }

    private void End(Lane lane, bool isInForce)
    {
        lock (_lock)
        {
            if (!lane.TryEnd(isInForce))
            {
                return;
            }

            _lanes = _lanes.Remove(lane);
        }

        Wake();
    }
}
