using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;

namespace Sentinel.Forwarding.Http.Awaiting;

/// <summary>What an <c>async</c> method that waits is for whoever awaits it.</summary>
internal abstract class KeptBox<T> : IValueTaskSource<T>, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<T> _outcome;

    protected KeptBox() => GoOn = MoveNext;

    /// <summary>Goes on after what it waited for.</summary>
    public Action GoOn { get; }

    public short Version => _outcome.Version;

    public void SetResult(T result) => _outcome.SetResult(result);

    public void SetException(Exception exception) => _outcome.SetException(exception);

    public ValueTaskSourceStatus GetStatus(short token) => _outcome.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _outcome.OnCompleted(continuation, state, token, flags);

    public T GetResult(short token)
    {
        try
        {
            return _outcome.GetResult(token);
        }
        finally
        {
            _outcome.Reset();
            Return();
        }
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    protected abstract void MoveNext();

    /// <summary>Whoever awaited it knows the outcome.</summary>
    protected abstract void Return();
}

/// <summary>The machine of one method while it waits. Each thread keeps those that were last used on it.</summary>
[SuppressMessage("Design", "CA1000:Do not declare static members on generic types", Justification = "One stock for each kind is the point.")]
internal sealed class KeptBox<TMachine, T> : KeptBox<T>
    where TMachine : IAsyncStateMachine
{
    // As many as may end between two waits of a loop; of a hundred bytes or two each.
    private const int Most = 256;

    [ThreadStatic]
    private static Stack<KeptBox<TMachine, T>>? _kept;

    // Set by the builder before it is used; not nullable, so that it is not a copy that moves.
    [AllowNull]
    public TMachine Machine = default!;

    public static KeptBox<TMachine, T> Take() => _kept?.TryPop(out var kept) == true ? kept : new();

    protected override void MoveNext() => Machine.MoveNext();

    protected override void Return()
    {
        // it is to hold nobody's memory
        Machine = default;
        var kept = _kept ??= new();
        if (kept.Count < Most)
        {
            kept.Push(this);
        }
    }
}
