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

    // Shares of a processor. Far apart, since the same work costs less from then on.
    private const double Loaded = 0.4;
    private const double Idle = 0.15;

    private readonly TimeProvider _time;
    private long _lookedAt;
    private TimeSpan _used;

    public Courtesy(TimeProvider time)
    {
        (_time, _lookedAt) = (time, time.GetTimestamp());
        _used = Used();
    }

    public bool GivesWay { get; private set; }

    /// <summary>Decides anew, ten times a second. Costs nothing in between.</summary>
    public void Review()
    {
        var now = _time.GetTimestamp();
        var elapsed = _time.GetElapsedTime(_lookedAt, now);
        if (elapsed < Interval)
        {
            return;
        }

        var used = Used();
        var share = (used - _used) / elapsed;
        (_lookedAt, _used) = (now, used);
        if (GivesWay ? share < Idle : share > Loaded)
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
