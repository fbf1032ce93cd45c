namespace Sentinel.Forwarding.Http;

/// <summary>
/// How long a copying may keep its thread, which others wait for: a flow whose bytes are always there already would never
/// let go by itself.
/// </summary>
internal struct Turns
{
    // About a millisecond's worth on a small machine.
    private const int Most = 1024 * 1024;

    private int _moved;

    /// <summary>Counts bytes.</summary>
    /// <returns>Whether it is time to <see cref="Task.Yield"/>.</returns>
    public bool IsOver(int bytes)
    {
        _moved += bytes;
        if (_moved < Most)
        {
            return false;
        }

        _moved = 0;
        return true;
    }
}
