namespace Sentinel.Forwarding.Http;

/// <summary>
/// The requests on one listener: how many are under way, and who asks how fast. HTTP/2 carries many on a connection, so that counting connections alone
/// would bound neither descriptors nor memory. Thread-safe.
/// </summary>
internal sealed class Crowd(TimeProvider time)
{
    private int _inside;

    /// <summary>How fast each client asks.</summary>
    public RequestRates Rates { get; } = new(time);

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
