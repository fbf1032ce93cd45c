using Sentinel.Backends;

namespace Sentinel.Service.Admin;

/// <summary>How the sentinel as a whole stands, and since when. Follows the pool table. Thread-safe.</summary>
internal sealed class SentinelStanding : IDisposable
{
    private readonly IDisposable _subscription;
    private volatile Standing _current;

    public SentinelStanding(PoolTable pools, TimeProvider time)
    {
        _current = new(StateOf(pools.Current), time.GetUtcNow());
        _subscription = pools.Subscribe(snapshot =>
        {
            var state = StateOf(snapshot);
            if (state != _current.State)
            {
                _current = new(state, time.GetUtcNow());
            }
        });
    }

    /// <summary>Now.</summary>
    public Standing Current => _current;

    public void Dispose() => _subscription.Dispose();

    private static string StateOf(PoolTableSnapshot snapshot) =>
        snapshot.Pools.Values.All(pool => pool.CanServe) ? "proxy"
        : snapshot.Pools.Values.Any(pool => pool.CanServe) ? "degraded"
        : "maintenance";

    /// <param name="State"><c>proxy</c>, <c>degraded</c> or <c>maintenance</c>.</param>
    /// <param name="Since">When it began.</param>
    internal sealed record Standing(string State, DateTimeOffset Since);
}
