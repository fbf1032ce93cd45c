namespace Sentinel.Recovery.Clouds;

/// <summary>
/// A ceiling on requests a minute, never exceeded in any minute: who would exceed it waits. Watching leaves half of what may
/// come at once to requests that somebody waits for. Thread-safe.
/// </summary>
internal sealed class RequestBudget
{
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly double _burst;
    private readonly double _perSecond;
    private double _tokens;
    private long _at;
    private DateTimeOffset _pausedUntil;

    public RequestBudget(int perMinute, TimeProvider time)
    {
        // What came at once and what comes evenly after it make up the ceiling together.
        _burst = Math.Max(1, perMinute / 10.0);
        _perSecond = Math.Max(perMinute - _burst, 1) / 60;
        (_time, _tokens, _at) = (time, _burst, time.GetTimestamp());
    }

    /// <summary>Nobody asks until the next minute: that is when the cloud counts anew.</summary>
    public void PauseUntilNextMinute()
    {
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            _pausedUntil = new DateTimeOffset(now.Ticks - (now.Ticks % TimeSpan.TicksPerMinute), now.Offset) + TimeSpan.FromMinutes(1);
        }
    }

    /// <summary>Returns when a request may be made, which is then counted.</summary>
    /// <param name="isUrgent">Whether somebody waits for it.</param>
    public async ValueTask TakeAsync(bool isUrgent, CancellationToken cancellationToken)
    {
        while (Wait(isUrgent) is var wait && wait > TimeSpan.Zero)
        {
            await DelayAsync(wait, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>As <see cref="Task.Delay(TimeSpan, TimeProvider, CancellationToken)"/>, but who is cancelled goes on where that was said, and not on another thread.</summary>
    private async Task DelayAsync(TimeSpan wait, CancellationToken cancellationToken)
    {
        var over = new TaskCompletionSource();
        using var registration = cancellationToken.UnsafeRegister((_, token) => over.TrySetCanceled(token), null);
        using var timer = _time.CreateTimer(_ => over.TrySetResult(), null, wait, Timeout.InfiniteTimeSpan);
        await over.Task.ConfigureAwait(false);
    }

    private TimeSpan Wait(bool isUrgent)
    {
        lock (_lock)
        {
            var now = _time.GetTimestamp();
            _tokens = Math.Min(_burst, _tokens + (_time.GetElapsedTime(_at, now).TotalSeconds * _perSecond));
            _at = now;

            // A clock that was set must not make it a long pause.
            if (_pausedUntil - _time.GetUtcNow() is var pause && pause > TimeSpan.Zero && pause <= TimeSpan.FromMinutes(1))
            {
                return Whole(pause);
            }

            var missing = 1 + (isUrgent ? 0 : (_burst - 1) / 2) - _tokens;
            if (missing > 1e-9)
            {
                return Whole(TimeSpan.FromSeconds(missing / _perSecond));
            }

            _tokens--;
            return TimeSpan.Zero;
        }
    }

    /// <summary>Delays are cut to milliseconds: rounded up, or the last one would be spent going round and round.</summary>
    private static TimeSpan Whole(TimeSpan wait) => TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds));
}
