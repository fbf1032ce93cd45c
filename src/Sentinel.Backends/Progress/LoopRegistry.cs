using System.Collections.Immutable;

namespace Sentinel.Backends.Progress;

/// <summary>All loops of the daemon that must keep going. Thread-safe.</summary>
public sealed class LoopRegistry(TimeProvider time)
{
    private ImmutableArray<LoopProgress> _loops = [];

    internal TimeProvider Time => time;

    /// <summary>Starts watching a loop; dispose what comes back when the loop ends on purpose.</summary>
    /// <param name="name">For people, such as <c>recovery.spot-1</c>.</param>
    /// <param name="silence">How long it may go without a beat; 30 s unless given.</param>
    public LoopProgress Add(string name, TimeSpan? silence = null)
    {
        var loop = new LoopProgress(this, name, silence ?? TimeSpan.FromSeconds(30));
        ImmutableInterlocked.Update(ref _loops, loops => loops.Add(loop));
        return loop;
    }

    /// <summary>The names of the loops that have not come round in time, oldest registration first.</summary>
    public IReadOnlyList<string> Stuck() => [.. _loops.Where(loop => loop.IsStuck).Select(loop => loop.Name)];

    internal void Remove(LoopProgress loop) => ImmutableInterlocked.Update(ref _loops, loops => loops.Remove(loop));
}
