namespace Sentinel.Testing;

/// <summary>A clock whose time of day can be set while everything that is measured by it runs on: as an administrator, or a bad time server, sets it.</summary>
public sealed class WallClock(TimeProvider time) : TimeProvider
{
    private long _set;

    /// <inheritdoc/>
    public override long TimestampFrequency => time.TimestampFrequency;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => time.LocalTimeZone;

    /// <summary>Sets it forward; negative: back.</summary>
    public void Set(TimeSpan by) => Interlocked.Add(ref _set, by.Ticks);

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => time.GetUtcNow() + new TimeSpan(Interlocked.Read(ref _set));

    /// <inheritdoc/>
    public override long GetTimestamp() => time.GetTimestamp();

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => time.CreateTimer(callback, state, dueTime, period);
}
