using System.Collections.Concurrent;
using Sentinel.Backends;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http.Upstreams;

/// <summary>The present life of each backend that requests were sent to. Thread-safe.</summary>
internal sealed class UpstreamTable(PoolTable pools, TimeProvider time) : IDisposable
{
    private readonly ConcurrentDictionary<BackendId, Upstream> _upstreams = new();

    // Those whose backend has another address since a reload: what the configuration before allowed goes on.
    private readonly ConcurrentDictionary<Upstream, BackendId> _left = new();
    private int _reviewing;

    /// <summary>Where to send a request now; the caller calls <see cref="Upstream.Exit"/> when it is over.</summary>
    /// <returns>Null if the backend went down since it was picked: pick again.</returns>
    public Upstream? Enter(BackendId id)
    {
        while (true)
        {
            var snapshot = pools.Current;
            if (!snapshot.Backends.TryGetValue(id, out var now) || !now.Status.Healthy || now.Address is null)
            {
                return null;
            }

            var upstream = _upstreams.GetOrAdd(id, static (_, made) => new Upstream(made.now, made.time), (now, time));
            if (pools.Current != snapshot)
            {
                // Whose life this is can only be told by the newest snapshot. Should the upstream be of an older one and
                // the review have passed by already, the next round finds it.
                continue;
            }

            if (!upstream.Is(now))
            {
                Remove(id, upstream, now);
            }
            else if (upstream.TryEnter())
            {
                return upstream;
            }
        }
    }

    /// <summary>Ends the lives that are over. Returns at once; may be called under the pool table's lock.</summary>
    public void Review()
    {
        if (Interlocked.Exchange(ref _reviewing, 1) == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static table => table.RetireDown(), this, preferLocal: false);
        }
    }

    /// <summary>Looks after the connections. Called about once a second.</summary>
    /// <param name="withSockets">Whether it is time for the review of <see cref="DeadPeer"/>.</param>
    public void Tend(bool withSockets)
    {
        foreach (var upstream in _upstreams.Values)
        {
            upstream.TrimIdle();
            if (withSockets)
            {
                upstream.ReviewSockets();
            }
        }

        foreach (var upstream in _left.Keys)
        {
            if (!upstream.IsUsed)
            {
                _left.TryRemove(upstream, out _);
            }
            else if (withSockets)
            {
                upstream.ReviewSockets();
            }
        }
    }

    public void Dispose()
    {
        foreach (var (id, upstream) in _upstreams)
        {
            Remove(id, upstream, now: null);
        }

        foreach (var upstream in _left.Keys)
        {
            upstream.GoDown();
        }
    }

    private void RetireDown()
    {
        // Before looking, not after: a change that comes meanwhile must queue a review of its own.
        Volatile.Write(ref _reviewing, 0);
        foreach (var (id, upstream) in _upstreams)
        {
            if (!pools.Current.Backends.TryGetValue(id, out var now) || !upstream.Is(now))
            {
                Remove(id, upstream, now);
            }
        }

        foreach (var (upstream, id) in _left)
        {
            if (!pools.Current.Backends.TryGetValue(id, out var now) || !upstream.Lives(now))
            {
                _left.TryRemove(upstream, out _);
                upstream.GoDown();
            }
        }
    }

    /// <param name="now">Null: there is no such backend any more.</param>
    private void Remove(BackendId id, Upstream upstream, Backend? now)
    {
        _upstreams.TryRemove(new(id, upstream));
        if (now is null || !upstream.Lives(now))
        {
            upstream.GoDown();
        }
        else if (upstream.Retire())
        {
            _left.TryAdd(upstream, id);

            // it may have gone down before it was there to be found
            Review();
        }
    }
}
