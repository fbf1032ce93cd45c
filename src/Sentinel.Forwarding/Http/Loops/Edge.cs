using System.Threading.Tasks.Sources;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>
/// What epoll has told of one direction of a socket and nobody has used up. Told once and kept until it is cleared, so that no
/// news is lost between a call that found nothing and the wait. News for which there is no reason are harmless: whoever
/// waited tries again. One waits at a time; any thread tells.
/// </summary>
/// <remarks>
/// Not made of .NET's <see cref="ManualResetValueTaskSourceCore{T}"/>, which would be a second state beside this one, to be reset for each wait: here one word says
/// whether there is news and whether somebody waits, and who tells ends only a wait that it has found begun.
/// </remarks>
internal sealed class Edge : IValueTaskSource
{
    private const int Nothing = 0;
    private const int News = 1;
    private const int Awaited = 2;

    private int _state;

    // Of who waits: written before it is awaited, and read by who ends that.
    private Action<object?>? _continuation;
    private object? _argument;
    private SynchronizationContext? _context;

    /// <summary>Whether a call may find something.</summary>
    public bool IsSet => Volatile.Read(ref _state) == News;

    /// <summary>To be called before the call that uses it up: what comes after that call is news again. Who waits goes on to wait.</summary>
    public void Clear() => Interlocked.CompareExchange(ref _state, Nothing, News);

    /// <summary>Waits for news.</summary>
    public ValueTask WaitAsync() => Volatile.Read(ref _state) switch
    {
        News => default,
        Nothing => new(this, 0),
        _ => throw new InvalidOperationException("Somebody waits already."),
    };

    /// <summary>There is news.</summary>
    /// <param name="inline">Whoever waits goes on on this thread, before this returns; else on another.</param>
    public void Set(bool inline)
    {
        if (Interlocked.Exchange(ref _state, News) == Awaited)
        {
            Resume(inline);
        }
    }

    void IValueTaskSource.GetResult(short token)
    {
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => IsSet ? ValueTaskSourceStatus.Succeeded : ValueTaskSourceStatus.Pending;

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        if (Volatile.Read(ref _state) == Awaited)
        {
            // whoever waits goes on to do so
            throw new InvalidOperationException("Somebody waits already.");
        }

        (_continuation, _argument) = (continuation, state);
        _context = (flags & ValueTaskSourceOnCompletedFlags.UseSchedulingContext) != 0 ? SynchronizationContext.Current : null;
        if (Interlocked.CompareExchange(ref _state, Awaited, Nothing) == News)
        {
            // came meanwhile
            Resume(inline: false);
        }
    }

    private void Resume(bool inline)
    {
        var (goOn, argument, context) = (_continuation!, _argument, _context);
        (_continuation, _argument, _context) = (null, null, null);
        if (context is not null)
        {
            context.Post(goOn.Invoke, argument);
        }
        else if (inline)
        {
            goOn(argument);
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(goOn, argument, preferLocal: true);
        }
    }
}
