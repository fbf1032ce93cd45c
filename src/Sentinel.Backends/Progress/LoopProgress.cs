namespace Sentinel.Backends.Progress;

/// <summary>
/// The sign of life of one loop. The loop calls <see cref="Beat"/> whenever it has come round; the health endpoint and
/// the service manager's watchdog ask <see cref="LoopRegistry"/> who has fallen silent. Thread-safe.
/// </summary>
public sealed class LoopProgress : IDisposable
{
    private readonly LoopRegistry _registry;
    private long _lastBeat;

    internal LoopProgress(LoopRegistry registry, string name, TimeSpan silence)
    {
        (_registry, Name, Silence) = (registry, name, silence);
        Beat();
    }

    /// <summary>For people, such as <c>recovery.spot-1</c>.</summary>
    public string Name { get; }

    /// <summary>How long it may go without a beat before it counts as stuck.</summary>
    public TimeSpan Silence { get; }

    internal bool IsStuck => _registry.Time.GetElapsedTime(Volatile.Read(ref _lastBeat)) > Silence;

    /// <summary>The loop has come round.</summary>
    public void Beat() => Volatile.Write(ref _lastBeat, _registry.Time.GetTimestamp());

    /// <summary>The loop has ended on purpose and is no longer watched.</summary>
    public void Dispose() => _registry.Remove(this);
}
