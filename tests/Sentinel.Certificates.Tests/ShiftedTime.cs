namespace Sentinel.Certificates.Tests;

/// <summary>The system's time with a wall clock that a test moves: pauses of minutes pass at once, and what is real goes on in real time.</summary>
internal sealed class ShiftedTime : TimeProvider
{
    private long _ticks;

    public void Jump(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddTicks(Volatile.Read(ref _ticks));
}
