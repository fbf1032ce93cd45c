using System.Threading.Tasks.Sources;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>
/// What epoll has told of one direction of a socket and nobody has used up. Told once and kept until it is cleared, so that no
/// news is lost between a call that found nothing and the wait. News for which there is no reason are harmless: whoever
/// waited tries again. One waits at a time; any thread tells.
/// </summary>
internal sealed class Edge : IValueTaskSource
{
    private const int Nothing = 0;
    private const int News = 1;
    private const int Awaited = 2;

    private ManualResetValueTaskSourceCore<bool> _waiting;
    private int _state;

    /// <summary>Whether a call may find something.</summary>
    public bool IsSet => Volatile.Read(ref _state) == News;

    /// <summary>To be called before the call that uses it up: what comes after that call is news again.</summary>
    public void Clear() => Interlocked.Exchange(ref _state, Nothing);

    /// <summary>Waits for news.</summary>
    public ValueTask WaitAsync()
    {
        if (Volatile.Read(ref _state) == Awaited)
        {
            // whoever waits goes on to do so
            throw new InvalidOperationException("Somebody waits already.");
        }

        _waiting.Reset();
        return Interlocked.CompareExchange(ref _state, Awaited, Nothing) switch
        {
            Nothing => new(this, _waiting.Version),
            News => default,
            _ => throw new InvalidOperationException("Somebody waits already."),
        };
    }

    /// <summary>There is news.</summary>
    /// <param name="inline">Whoever waits goes on on this thread, before this returns; else on another.</param>
    public void Set(bool inline)
    {
        if (Interlocked.Exchange(ref _state, News) == Awaited)
        {
            _waiting.RunContinuationsAsynchronously = !inline;
            _waiting.SetResult(true);
        }
    }

    void IValueTaskSource.GetResult(short token) => _waiting.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _waiting.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _waiting.OnCompleted(continuation, state, token, flags);
}
