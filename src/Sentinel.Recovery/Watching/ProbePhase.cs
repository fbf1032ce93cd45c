using Sentinel.Backends;

namespace Sentinel.Recovery.Watching;

/// <summary>
/// When a backend is checked next. Each has a place of its own in the interval, by its name, and checks settle there:
/// thousands that were added in the same moment, or came back in it, do not go on in lockstep.
/// </summary>
internal static class ProbePhase
{
    /// <param name="begun">When the last check began, a timestamp.</param>
    /// <param name="pace">From one check to the next.</param>
    /// <param name="spread">Whether to settle into the backend's own place; false while a verdict is pending.</param>
    public static long Next(BackendId id, long begun, TimeSpan pace, bool spread, TimeProvider time)
    {
        var step = Math.Max(1, (long)(pace.TotalSeconds * time.TimestampFrequency));
        var now = time.GetTimestamp();
        if (!spread)
        {
            return Math.Max(begun + step, now);
        }

        // The first moment of this backend's place after half a step: never twice in quick succession, never much too late.
        var offset = (long)(Fraction(id) * step);
        var earliest = begun + (step / 2);
        var next = earliest + Modulo(offset - earliest, step);
        return Math.Max(next, now);
    }

    /// <summary>A place in [0, 1) that depends on the name alone.</summary>
    internal static double Fraction(BackendId id)
    {
        var hash = 0xcbf29ce484222325; // FNV-1a, then a mix so that names with the same start are far apart
        foreach (var c in id.Name)
        {
            hash = (hash ^ c) * 0x100000001b3;
        }

        hash = (hash ^ (hash >> 32)) * 0x9e3779b97f4a7c15;
        return (hash >> 11) / (double)(1UL << 53);
    }

    private static long Modulo(long value, long by) => ((value % by) + by) % by;
}
