namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>
/// Has a loop that is loaded give way. The scheduler lets whoever is woken push aside whoever runs, mostly somebody who is
/// about to send us more: right while there is little to do, since it is done at once, and a waste when there is much. A
/// batch thread (sched(7)) waits for its turn, and finds in it the work of many; it gets as much of the processor. Belongs
/// to the thread that made it.
/// </summary>
internal sealed unsafe class Courtesy
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    // Shares of a processor. Far apart, since the same work costs less from then on. Who moves much at once is not waiting for an answer.
    private static readonly (double Begin, double End) Loaded = (0.4, 0.15);
    private static readonly (double Begin, double End) LoadedInBulk = (0.1, 0.04);
    private const long Bulk = 4 * 1024 * 1024;

    private readonly TimeProvider _time;

    // Whoever set something else for the whole daemon knows why.
    private readonly bool _isOurs = Libc.GetScheduler(thread: 0) == Libc.SchedulerOther;
    private long _lookedAt;
    private TimeSpan _used;
    private long _moved;

    public Courtesy(TimeProvider time)
    {
        (_time, _lookedAt) = (time, time.GetTimestamp());
        _used = Used();
    }

    public bool GivesWay { get; private set; }

    /// <summary>Decides anew, ten times a second. Costs nothing in between.</summary>
    /// <param name="moved">Bytes that busy flows have moved so far.</param>
    public void Review(long moved)
    {
        var now = _time.GetTimestamp();
        var elapsed = _time.GetElapsedTime(_lookedAt, now);
        if (elapsed < Interval || !_isOurs)
        {
            return;
        }

        var used = Used();
        var share = (used - _used) / elapsed;
        var limits = moved - _moved >= Bulk ? LoadedInBulk : Loaded;
        (_lookedAt, _used, _moved) = (now, used, moved);
        if (GivesWay ? share < limits.End : share > limits.Begin)
        {
            GivesWay = !GivesWay;
            var none = 0;

            // where the system refuses, all is as it was
            _ = Libc.SetScheduler(thread: 0, GivesWay ? Libc.SchedulerBatch : Libc.SchedulerOther, &none);
        }
    }

    private static TimeSpan Used()
    {
        var time = stackalloc long[2];
        _ = Libc.GetTime(Libc.ThreadClock, time);
        return TimeSpan.FromSeconds(time[0]) + TimeSpan.FromMicroseconds(time[1] / 1000);
    }
}
