using Sentinel.Backends;

namespace Sentinel.Forwarding.Holding;

/// <summary>Those who wait for one pool, and how many of them may leave. Under the room's lock.</summary>
internal sealed class Line
{
    private long _refilled;

    /// <summary>In order of arrival; who comes back has his old place.</summary>
    public SortedSet<Waiter> Waiters { get; } = new(Comparer<Waiter>.Create(static (a, b) => (a.Since, a.Order).CompareTo((b.Since, b.Order))));

    /// <summary>How many may leave now; at first, and again after a quiet while, a tenth of a second's worth.</summary>
    public double Passes { get; set; } = double.MaxValue;

    /// <summary>Nobody leaves before this timestamp, unless there is news of the pool.</summary>
    public long RestUntil { get; set; }

    /// <summary>The pool as it was at the last look.</summary>
    public Pool? Seen { get; set; }

    public void Refill(long now, double perSecond, long frequency)
    {
        Passes = Math.Min(Math.Max(perSecond / 10, 1), Passes + ((now - _refilled) * perSecond / frequency));
        _refilled = now;
    }
}
