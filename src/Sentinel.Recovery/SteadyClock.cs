namespace Sentinel.Recovery;

/// <summary>
/// The wall clock as recovery uses it: runs evenly, and follows a clock that was set only when asked, so that the step
/// can be told of it. Thread-safe.
/// </summary>
internal sealed class SteadyClock
{
    /// <summary>Less than this is the slewing of a time service, which hurts nobody.</summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private Anchor _anchor;

    public SteadyClock(TimeProvider time)
    {
        _time = time;
        _anchor = new(time.GetUtcNow(), time.GetTimestamp());
    }

    /// <summary>Now.</summary>
    public DateTimeOffset Now
    {
        get
        {
            var anchor = Volatile.Read(ref _anchor);
            return anchor.At + _time.GetElapsedTime(anchor.Timestamp);
        }
    }

    /// <summary>Adopts the wall clock if it was set. For one thread at a time.</summary>
    /// <returns>How far it was set forward; negative for back; zero if it was not.</returns>
    public TimeSpan Follow()
    {
        var (wall, timestamp) = (_time.GetUtcNow(), _time.GetTimestamp());
        var by = wall - (_anchor.At + _time.GetElapsedTime(_anchor.Timestamp, timestamp));
        if (by.Duration() < Tolerance)
        {
            return TimeSpan.Zero;
        }

        Volatile.Write(ref _anchor, new(wall, timestamp));
        return by;
    }

    private sealed record Anchor(DateTimeOffset At, long Timestamp);
}
