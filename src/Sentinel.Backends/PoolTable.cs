using System.Collections.Immutable;
using Sentinel.Backends.Picking;

namespace Sentinel.Backends;

/// <summary>
/// Publishes what is known of backends and pools as immutable snapshots. Recovery writes, forwarding reads
/// <see cref="Current"/> at each pick, and whoever must act at a change subscribes. Thread-safe.
/// </summary>
public sealed class PoolTable : IDisposable
{
    private static readonly BackendStatus Unseen = new(BackendState.Unknown, Healthy: false, DateTimeOffset.MinValue, "not checked yet");

    private readonly TimeProvider _time;
    private readonly DateTimeOffset _begun;
    private readonly long _begunAt;
    private readonly ITimer _failback;
    private readonly Lock _lock = new();
    private readonly Dictionary<PoolId, IPicker> _pickers = [];
    private readonly Dictionary<PoolId, DateTimeOffset?> _reviews = [];
    private ImmutableArray<Action<PoolTableSnapshot>> _observers = [];
    private ImmutableArray<PoolDefinition> _pools = [];
    private volatile PoolTableSnapshot _current = new(0, ImmutableDictionary<BackendId, Backend>.Empty, ImmutableDictionary<PoolId, Pool>.Empty);

    /// <param name="time">Decides when a better backend has been healthy for long enough.</param>
    public PoolTable(TimeProvider time)
    {
        (_time, _begun, _begunAt) = (time, time.GetUtcNow(), time.GetTimestamp());
        _failback = time.CreateTimer(_ => Review(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>A connection could not be opened to this backend though it counts as healthy: a reason to check it now. Raised on the thread that dialled.</summary>
    public event Action<BackendId>? DialFailed;

    /// <summary>The newest snapshot.</summary>
    public PoolTableSnapshot Current => _current;

    /// <summary>Calls <paramref name="observer"/> with every snapshot from the next on, in order, under the table's lock: be quick, never block, never publish from within.</summary>
    /// <returns>Ends the subscription; a call that is under way may still finish.</returns>
    public IDisposable Subscribe(Action<PoolTableSnapshot> observer)
    {
        lock (_lock)
        {
            _observers = _observers.Add(observer);
        }

        return new Subscription(this, observer);
    }

    /// <summary>Replaces the definitions. Backends that stay keep their status, load and place.</summary>
    public void Configure(IReadOnlyCollection<BackendDefinition> backends, IReadOnlyCollection<PoolDefinition> pools)
    {
        lock (_lock)
        {
            var old = _current.Backends;
            foreach (var definition in _pools)
            {
                if (!pools.Any(pool => pool.Id == definition.Id && pool.Policy == definition.Policy))
                {
                    _pickers.Remove(definition.Id);
                    _reviews.Remove(definition.Id);
                }
            }

            _pools = [.. pools];
            var kept = pools.Select(pool => pool.Id).ToHashSet();
            _current = new(_current.Version, _current.Backends, _current.Pools.RemoveRange(_current.Pools.Keys.Where(id => !kept.Contains(id))));
            Publish(_pools, backends.ToImmutableDictionary(
                definition => definition.Id,
                definition => old.TryGetValue(definition.Id, out var known) && known.Definition.Instance == definition.Instance
                    ? known with { Definition = definition }
                    : new Backend { Definition = definition, Status = Unseen with { Since = _time.GetUtcNow() }, Load = known?.Load ?? new() }));
        }
    }

    /// <summary>Publishes what was found out about a backend. News of one that is no longer configured is dropped.</summary>
    public void Report(BackendId id, BackendStatus status)
    {
        lock (_lock)
        {
            if (!_current.Backends.TryGetValue(id, out var backend) || backend.Status == status)
            {
                return;
            }

            var healthySince = !status.Healthy || backend.Status.Healthy ? backend.HealthySince
                : backend.Status.State == BackendState.Unknown ? DateTimeOffset.MinValue
                : Now;
            var news = backend with { Status = status, HealthySince = healthySince };
            Publish([.. _pools.Where(pool => pool.Backends.Contains(id))], _current.Backends.SetItem(id, news), news);
        }
    }

    /// <summary>Says that a dial failed, see <see cref="DialFailed"/>.</summary>
    public void ReportDialFailure(BackendId id) => DialFailed?.Invoke(id);

    /// <inheritdoc/>
    public void Dispose() => _failback.Dispose();

    /// <summary>Runs evenly, however the wall clock is set: else setting it would move users at once, or keep them from moving.</summary>
    private DateTimeOffset Now => _begun + _time.GetElapsedTime(_begunAt);

    private void Review()
    {
        lock (_lock)
        {
            Publish(_pools, _current.Backends);
        }
    }

    /// <param name="only">The one backend that is another than before, if everything else is the same.</param>
    private void Publish(ImmutableArray<PoolDefinition> changed, ImmutableDictionary<BackendId, Backend> backends, Backend? only = null)
    {
        var now = Now;
        var pools = _current.Pools.ToBuilder();
        foreach (var definition in changed)
        {
            var before = pools.GetValueOrDefault(definition.Id);
            ImmutableArray<Backend> members = only is not null && before is not null
                ? [.. before.Members.Select(member => member.Id == only.Id ? only : member)] // a pool of thousands is told a thousand times
                : [.. definition.Backends.Where(backends.ContainsKey).Select(id => backends[id])];
            var wasActive = before is { Active: [var first, ..] } ? first.Id : (BackendId?)null;
            DateTimeOffset? review = null;
            var active = definition.Policy == PoolPolicy.ActiveStandby ? ActiveStandbyPicker.Elect(definition, members, wasActive, now, out review) : null;
            _reviews[definition.Id] = review;
            if (!_pickers.TryGetValue(definition.Id, out var picker))
            {
                _pickers[definition.Id] = picker = Pickers.For(definition.Policy);
            }

            pools[definition.Id] = new Pool(definition, members, active, picker, before?.Waits ?? new());
        }

        _current = new(_current.Version + 1, backends, pools.ToImmutable());
        _failback.Change(_reviews.Values.Min() is { } due ? due - now : Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        foreach (var observer in _observers)
        {
            observer(_current);
        }
    }

    private sealed class Subscription(PoolTable table, Action<PoolTableSnapshot> observer) : IDisposable
    {
        public void Dispose()
        {
            lock (table._lock)
            {
                table._observers = table._observers.Remove(observer);
            }
        }
    }
}
