using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;

namespace Sentinel.Recovery.Watching;

/// <summary>
/// Checks all backends, each at its own pace and phase, from one loop. A check ends at its timeout whatever it hangs in;
/// no backend has two under way; and so many at most run at once. Thread-safe.
/// </summary>
internal sealed class Prober : IAsyncDisposable
{
    // Of one backend while its verdict is pending: short beside the time that a VM takes to boot.
    private static readonly TimeSpan PendingPace = TimeSpan.FromMilliseconds(250);

    // Between two checks that were asked for at once, such as by a hundred failed dials.
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StarvedPause = TimeSpan.FromMinutes(1);

    // Bounds descriptors, not backends: at 2 s a check, ten thousand backends on a 30 s interval fit.
    private const int MostAtOnce = 512;

    private readonly TimeProvider _time;
    private readonly LoopRegistry _loops;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly Dictionary<BackendId, Watch> _watches = [];
    private readonly PriorityQueue<(Watch Watch, long Due), long> _due = new();
    private readonly SemaphoreSlim _places = new(MostAtOnce);
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<Task, byte> _running = [];
    private TaskCompletionSource _sooner = NewSignal();
    private long _wakesAt;
    private long? _toldStarvedAt;
    private Task _loop = Task.CompletedTask;

    public Prober(TimeProvider time, LoopRegistry loops, ILogger logger) => (_time, _loops, _logger) = (time, loops, logger);

    /// <summary>Whether no check runs and none is due: only time can bring one.</summary>
    internal bool IsIdle
    {
        get
        {
            lock (_lock)
            {
                return _watches.Values.All(watch => !watch.Busy && watch.Due > _time.GetTimestamp());
            }
        }
    }

    public void Start() => _loop = RunAsync();

    /// <summary>Begins to check a backend, the first time at once; what is known of it under another setting no longer counts.</summary>
    /// <param name="address">Where it answers now; null: nowhere yet, and nothing is checked until it does.</param>
    /// <param name="sink">Told of each result on some thread; must be quick.</param>
    public void Add(BackendId id, HealthSettings settings, Func<string?> address, Action<ProbeResult> sink)
    {
        lock (_lock)
        {
            Schedule(_watches[id] = new Watch(id, settings, address, sink), _time.GetTimestamp());
        }
    }

    /// <summary>Stops checking a backend; a check under way is not told any more.</summary>
    public void Remove(BackendId id)
    {
        lock (_lock)
        {
            _watches.Remove(id);
        }
    }

    /// <summary>Quickens the pace while a verdict is pending, and slows it again.</summary>
    public void Hurry(BackendId id, bool pending)
    {
        lock (_lock)
        {
            if (_watches.TryGetValue(id, out var watch) && watch.Pending != pending)
            {
                watch.Pending = pending;
                if (pending)
                {
                    Bring(watch, _time.GetTimestamp() + Ticks(watch.Pace));
                }
            }
        }
    }

    /// <summary>Checks as soon as may be: a tenth of a second after the last check began at the earliest.</summary>
    public void ProbeNow(BackendId id)
    {
        lock (_lock)
        {
            if (_watches.TryGetValue(id, out var watch))
            {
                watch.Again = watch.Busy;
                Bring(watch, Math.Max(_time.GetTimestamp(), watch.Begun + Ticks(ShortestPause)));
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        await Task.WhenAll(_running.Keys).ConfigureAwait(false);
        _stopping.Dispose();
        _places.Dispose();
    }

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * _time.TimestampFrequency);

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    // The lock is held.
    private void Schedule(Watch watch, long due)
    {
        watch.Due = due;
        _due.Enqueue((watch, due), due);
        if (due < _wakesAt)
        {
            _sooner.TrySetResult();
        }
    }

    // The lock is held. An earlier entry of the queue goes stale: its time is no longer that of its watch.
    private void Bring(Watch watch, long due)
    {
        if (!watch.Busy && due < watch.Due)
        {
            Schedule(watch, due);
        }
    }

    private async Task RunAsync()
    {
        using var progress = _loops.Add("recovery.prober");
        while (!_stopping.IsCancellationRequested)
        {
            progress.Beat();
            try
            {
                await BeginAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (!_stopping.IsCancellationRequested)
            {
                Log.ProbeRoundFailed(_logger, e);
            }
        }
    }

    /// <summary>Begins every check that is due.</summary>
    /// <returns>Ends when there may be more to do.</returns>
    private Task BeginAsync()
    {
        lock (_lock)
        {
            if (_sooner.Task.IsCompleted)
            {
                _sooner = NewSignal();
            }

            var now = _time.GetTimestamp();
            while (_due.TryPeek(out var next, out var due))
            {
                var (watch, _) = next;
                if (watch.Due != due || !_watches.TryGetValue(watch.Id, out var current) || current != watch)
                {
                    _due.Dequeue();
                    continue;
                }

                if (due > now)
                {
                    return SleepUntil(due);
                }

                if (!_places.Wait(0, CancellationToken.None))
                {
                    return SleepUntil(now + Ticks(ShortestPause));
                }

                _due.Dequeue();
                (watch.Busy, watch.Again, watch.Begun) = (true, false, now);
                var check = CheckAsync(watch);
                _running.TryAdd(check, 0);
                _ = check.ContinueWith(ended => _running.TryRemove(ended, out _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }

            return SleepUntil(long.MaxValue);
        }
    }

    // The lock is held. What is scheduled for later than that need not wake the loop.
    private Task SleepUntil(long due)
    {
        var now = _time.GetTimestamp();
        _wakesAt = Math.Min(due, now + Ticks(Beat));
        if (_wakesAt <= now)
        {
            return Task.CompletedTask;
        }

        // A delay is cut to whole milliseconds: rounded up, or the last one of each would be spent in going round and round.
        var pause = TimeSpan.FromMilliseconds(Math.Ceiling(_time.GetElapsedTime(now, _wakesAt).TotalMilliseconds));
        return Task.WhenAny(_sooner.Task, Task.Delay(pause, _time, _stopping.Token));
    }

    private async Task CheckAsync(Watch watch)
    {
        await Task.Yield();
        try
        {
            if (watch.Address() is { } address)
            {
                var begun = _time.GetTimestamp();
                var wrong = await watch.CheckAsync(address, _time, _stopping.Token).ConfigureAwait(false);
                if (!_stopping.IsCancellationRequested && IsCurrent(watch))
                {
                    watch.Sink(new(wrong is null, _time.GetElapsedTime(begun), wrong ?? $"{watch.Settings.Kind.ToString().ToLowerInvariant()} check passed"));
                }
            }
        }
        catch (ProbeStarvedException e)
        {
            TellStarved(e);
        }
        catch (Exception e) when (!_stopping.IsCancellationRequested)
        {
            Log.ProbeFailed(_logger, e, watch.Id);
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
        finally
        {
            _places.Release();
            lock (_lock)
            {
                watch.Busy = false;
                Schedule(watch, watch.Next(_time));
            }
        }
    }

    private void TellStarved(ProbeStarvedException e)
    {
        lock (_lock)
        {
            if (_toldStarvedAt is { } told && _time.GetElapsedTime(told) < StarvedPause)
            {
                return;
            }

            _toldStarvedAt = _time.GetTimestamp();
        }

        Log.ProbesStarved(_logger, e.Message);
    }

    private bool IsCurrent(Watch watch)
    {
        lock (_lock)
        {
            return _watches.TryGetValue(watch.Id, out var current) && current == watch;
        }
    }

    private sealed class Watch(BackendId id, HealthSettings settings, Func<string?> address, Action<ProbeResult> sink)
    {
        private readonly Probes.IProbe _probe = Probes.ProbeKinds.For(settings);

        public BackendId Id => id;

        public HealthSettings Settings => settings;

        public Func<string?> Address => address;

        public Action<ProbeResult> Sink => sink;

        // Under the prober's lock.
        public bool Pending { get; set; } = true;

        public bool Busy { get; set; }

        public bool Again { get; set; }

        public long Begun { get; set; }

        public long Due { get; set; }

        public TimeSpan Pace => Pending && PendingPace < settings.Interval ? PendingPace : settings.Interval;

        public Task<string?> CheckAsync(string host, TimeProvider time, CancellationToken stopping) =>
            TimedCheck.RunAsync(_probe, host, settings.Timeout, time, stopping);

        public long Next(TimeProvider time) =>
            ProbePhase.Next(id, Begun, Again ? ShortestPause : Pace, spread: !Pending && !Again, time);
    }
}
