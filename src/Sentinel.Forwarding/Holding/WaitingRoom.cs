using Sentinel.Backends;

namespace Sentinel.Forwarding.Holding;

/// <summary>What became of the wish to wait.</summary>
internal enum Entry
{
    /// <summary>It waits; <see cref="Waiter.Released"/> or <see cref="Waiter.Expired"/> follows, unless it leaves before.</summary>
    Waiting,

    /// <summary>As many wait as may.</summary>
    Full,

    /// <summary>It may not wait, or has waited as long as it may.</summary>
    TooLate,
}

/// <summary>
/// Where the connections and requests of one listener wait while nobody can serve their pool, in order of arrival. Once
/// a pool can serve again they are let out, a few at once and the rest at a steady rate, so that a machine that has
/// just booted is not crushed; each goes to the backend that is picked at that moment. Newcomers who find a pool that
/// can serve do not come here: the rate is for those who waited. Thread-safe; nothing here blocks.
/// </summary>
internal sealed class WaitingRoom : IDisposable
{
    // One in a quarter of an hour: a rate of nothing would hold for ever.
    private const double SlowestRelease = 0.001;

    // Who could not reach a backend that counts as healthy tries again after this long, or at any news of the pool.
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(250);

    // Timers are not finer than this is worth; whoever comes due meanwhile leaves together.
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);

    private readonly PoolTable _pools;
    private readonly TimeProvider _time;
    private readonly Action<string, TimeSpan> _measure;
    private readonly Lock _lock = new();
    private readonly Dictionary<PoolId, Line> _lines = [];
    private readonly SortedSet<Waiter> _deadlines = new(Comparer<Waiter>.Create(static (a, b) => (a.Deadline, a.Order).CompareTo((b.Deadline, b.Order))));
    private readonly ITimer _timer;
    private readonly IDisposable _subscription;
    private long _lastOrder;
    private int _limit;
    private double _perSecond;

    /// <param name="measure">Told of each stay that is over: how it ended (<c>released</c>, <c>expired</c>, <c>left</c>) and how long it was.</param>
    public WaitingRoom(PoolTable pools, TimeProvider time, int limit, double perSecond, Action<string, TimeSpan> measure)
    {
        (_pools, _time, _measure) = (pools, time, measure);
        Configure(limit, perSecond);
        _timer = time.CreateTimer(static room => ((WaitingRoom)room!).Turn(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _subscription = pools.Subscribe(_ => Turn());
    }

    /// <summary>How many wait now.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _deadlines.Count;
            }
        }
    }

    /// <summary>Changes the bounds. Who waits already stays, also above a lower limit.</summary>
    /// <param name="limit">How many may wait at once.</param>
    /// <param name="perSecond">How many are let out a second, for each pool.</param>
    public void Configure(int limit, double perSecond)
    {
        lock (_lock)
        {
            (_limit, _perSecond) = (limit, Math.Max(perSecond, SlowestRelease));
        }
    }

    /// <summary>
    /// Begins to wait. The waiter is called back once, on any thread (under the pool table's lock, or from within this
    /// very call): it must hand the news over to its own loop and return at once.
    /// </summary>
    /// <param name="exhausted">The pool as it was when everybody in it had been dialled in vain; null if there was nobody to dial.</param>
    public Entry Enter(Waiter waiter, Pool? exhausted = null)
    {
        lock (_lock)
        {
            var now = _time.GetTimestamp();
            var deadline = waiter.Since + Ticks(waiter.Hold);
            if (deadline <= now)
            {
                return Entry.TooLate;
            }

            if (_deadlines.Count >= _limit)
            {
                Tally(waiter.Pool, new(0, Refused: 1));
                return Entry.Full;
            }

            (waiter.Order, waiter.Entered, waiter.Deadline) = (++_lastOrder, now, deadline);
            if (!_lines.TryGetValue(waiter.Pool, out var line))
            {
                _lines[waiter.Pool] = line = new();
            }

            if (exhausted is not null && _pools.Current.Pools.GetValueOrDefault(waiter.Pool) == exhausted)
            {
                (line.RestUntil, line.Seen) = (now + Ticks(Rest), exhausted);
            }

            Tally(waiter.Pool, new(1));
            line.Waiters.Add(waiter);
            _deadlines.Add(waiter);
        }

        Turn();
        return Entry.Waiting;
    }

    /// <summary>Gives up the place.</summary>
    /// <returns>False if the waiter was called back already, or is just being called back.</returns>
    public bool Leave(Waiter waiter)
    {
        lock (_lock)
        {
            if (waiter.Order == 0)
            {
                return false;
            }

            Remove(waiter);
            Tally(waiter.Pool, new(0, Left: 1));
        }

        _measure("left", _time.GetElapsedTime(waiter.Entered));
        return true;
    }

    /// <summary>Waits as a task.</summary>
    /// <param name="since">When it arrived: a timestamp of the room's clock.</param>
    /// <returns>The backend to dial now; or null and why not.</returns>
    /// <exception cref="OperationCanceledException">It left.</exception>
    public async ValueTask<(Backend? Backend, Entry Entry)> WaitAsync(
        PoolId pool, ClientAddress client, long since, TimeSpan hold, Pool? exhausted, CancellationToken cancellationToken)
    {
        var waiter = new AwaitedWaiter(pool, client, since, hold);
        var entry = Enter(waiter, exhausted);
        if (entry != Entry.Waiting)
        {
            return (null, entry);
        }

        using var left = cancellationToken.UnsafeRegister(_ => waiter.Cancel(this, cancellationToken), null);
        return await waiter.Outcome.ConfigureAwait(false) is { } backend ? (backend, Entry.Waiting) : (null, Entry.TooLate);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _subscription.Dispose();
        _timer.Dispose();
    }

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * _time.TimestampFrequency);

    /// <summary>Lets out whom it is time to let out, and sets the timer for the next.</summary>
    private void Turn()
    {
        List<(Waiter Waiter, Backend? Backend, TimeSpan Stay)>? leaving = null;
        lock (_lock)
        {
            if (_deadlines.Count == 0)
            {
                return;
            }

            var now = _time.GetTimestamp();
            var next = long.MaxValue;
            var pools = _pools.Current.Pools;
            foreach (var (id, line) in _lines)
            {
                if (pools.TryGetValue(id, out var pool))
                {
                    next = Math.Min(next, Release(line, pool, now, ref leaving));
                }
            }

            while (_deadlines.Min is { } first)
            {
                if (first.Deadline > now)
                {
                    next = Math.Min(next, first.Deadline);
                    break;
                }

                Let(first, null, now, ref leaving);
            }

            _timer.Change(Until(now, next), Timeout.InfiniteTimeSpan);
        }

        foreach (var (waiter, backend, stay) in leaving ?? [])
        {
            if (backend is null)
            {
                _measure("expired", stay);
                waiter.Expired();
            }
            else
            {
                _measure("released", stay);
                waiter.Released(backend);
            }
        }
    }

    /// <returns>When to look at this line again.</returns>
    private long Release(Line line, Pool pool, long now, ref List<(Waiter, Backend?, TimeSpan)>? leaving)
    {
        if (line.Seen != pool)
        {
            (line.Seen, line.RestUntil) = (pool, 0);
        }

        line.Refill(now, _perSecond, _time.TimestampFrequency);
        while (line.Waiters.Min is { } first && pool.CanServe)
        {
            if (line.RestUntil > now)
            {
                return line.RestUntil;
            }

            if (line.Passes < 1)
            {
                return now + Math.Max(Ticks(ShortestPause), (long)((1 - line.Passes) / _perSecond * _time.TimestampFrequency));
            }

            if (pool.Pick(first.Client) is not { } backend)
            {
                break;
            }

            line.Passes--;
            Let(first, backend, now, ref leaving);
        }

        return long.MaxValue;
    }

    private void Let(Waiter waiter, Backend? backend, long now, ref List<(Waiter, Backend?, TimeSpan)>? leaving)
    {
        Remove(waiter);
        Tally(waiter.Pool, backend is null ? new(0, Expired: 1) : new(0, Served: 1));
        (leaving ??= []).Add((waiter, backend, _time.GetElapsedTime(waiter.Entered, now)));
    }

    private void Tally(PoolId pool, Waits more) => _pools.Current.Pools.GetValueOrDefault(pool)?.Waits.Count(more);

    private void Remove(Waiter waiter)
    {
        _lines[waiter.Pool].Waiters.Remove(waiter);
        _deadlines.Remove(waiter);
        waiter.Order = 0;
    }

    // Rounded up to the timer's milliseconds: early would be a turn for nothing.
    private TimeSpan Until(long now, long due)
    {
        if (due == long.MaxValue)
        {
            return Timeout.InfiniteTimeSpan;
        }

        var pause = TimeSpan.FromMilliseconds(Math.Ceiling(_time.GetElapsedTime(now, due).TotalMilliseconds));
        return pause > LongestPause ? LongestPause : pause;
    }
}
