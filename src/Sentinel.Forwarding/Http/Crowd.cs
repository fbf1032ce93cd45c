namespace Sentinel.Forwarding.Http;

/// <summary>
/// The requests under way on one listener. HTTP/2 carries many on a connection, so that counting connections alone
/// would bound neither descriptors nor memory. Thread-safe.
/// </summary>
internal sealed class Crowd
{
    private int _inside;

    /// <returns>False if as many are inside as may.</returns>
    public bool TryEnter(int most)
    {
        if (Interlocked.Increment(ref _inside) <= most)
        {
            return true;
        }

        Exit();
        return false;
    }

    public void Exit() => Interlocked.Decrement(ref _inside);
}
