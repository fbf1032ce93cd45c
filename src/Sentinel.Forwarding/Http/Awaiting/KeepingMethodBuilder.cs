using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sentinel.Forwarding.Http.Awaiting;

/// <summary>
/// Builds <c>async</c> methods that wait once or more for each request and make nothing for that: what such a method keeps
/// while it waits is used again (<see cref="KeptBox{TMachine, T}"/>). Each task of it is awaited exactly once, as of any <see cref="ValueTask"/>.
/// </summary>
/// <remarks>
/// .NET's <see cref="PoolingAsyncValueTaskMethodBuilder{T}"/> keeps two of a kind for each thread. A loop that gets events of
/// fifty sockets at once ends fifty waits and then begins fifty, and made nearly all of them anew: 1.7 KB a request.
/// Execution contexts do not flow: nothing in the path of a request has one.
/// </remarks>
[SuppressMessage("Performance", "CA1822:Mark members as static", Justification = "The compiler asks for it.")]
[StructLayout(LayoutKind.Auto)]
[SuppressMessage("Design", "CA1000:Do not declare static members on generic types", Justification = "The compiler asks for it.")]
internal struct KeepingMethodBuilder<T>
{
    private KeptBox<T>? _box;
    private Exception? _exception;
    private T? _result;

    public static KeepingMethodBuilder<T> Create() => default;

    public readonly ValueTask<T> Task =>
        _box is { } box ? new(box, box.Version)
        : _exception is { } exception ? ValueTask.FromException<T>(exception)
        : new(_result!);

    /// <summary>The same without a result.</summary>
    public readonly ValueTask Done =>
        _box is { } box ? new(box, box.Version)
        : _exception is { } exception ? ValueTask.FromException(exception)
        : default;

    public readonly void Start<TMachine>(ref TMachine machine)
        where TMachine : IAsyncStateMachine => machine.MoveNext();

    public readonly void SetStateMachine(IAsyncStateMachine stateMachine) => ArgumentNullException.ThrowIfNull(stateMachine);

    public void SetResult(T result)
    {
        if (_box is null)
        {
            _result = result;
        }
        else
        {
            _box.SetResult(result);
        }
    }

    public void SetException(Exception exception)
    {
        if (_box is null)
        {
            _exception = exception;
        }
        else
        {
            _box.SetException(exception);
        }
    }

    public void AwaitOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
        where TAwaiter : INotifyCompletion
        where TMachine : IAsyncStateMachine => awaiter.OnCompleted(Keep(ref machine));

    public void AwaitUnsafeOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
        where TAwaiter : ICriticalNotifyCompletion
        where TMachine : IAsyncStateMachine => awaiter.UnsafeOnCompleted(Keep(ref machine));

    private Action Keep<TMachine>(ref TMachine machine)
        where TMachine : IAsyncStateMachine
    {
        if (_box is null)
        {
            var box = KeptBox<TMachine, T>.Take();

            // This builder is a part of the machine, whose copy must know its box.
            _box = box;
            box.Machine = machine;
        }

        return _box.GoOn;
    }
}

/// <summary>The same for methods without a result.</summary>
[SuppressMessage("Performance", "CA1822:Mark members as static", Justification = "The compiler asks for it.")]
[StructLayout(LayoutKind.Auto)]
internal struct KeepingMethodBuilder
{
    private KeepingMethodBuilder<bool> _builder;

    public static KeepingMethodBuilder Create() => default;

    public readonly ValueTask Task => _builder.Done;

    public readonly void Start<TMachine>(ref TMachine machine)
        where TMachine : IAsyncStateMachine => machine.MoveNext();

    public readonly void SetStateMachine(IAsyncStateMachine stateMachine) => _builder.SetStateMachine(stateMachine);

    public void SetResult() => _builder.SetResult(true);

    public void SetException(Exception exception) => _builder.SetException(exception);

    public void AwaitOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
        where TAwaiter : INotifyCompletion
        where TMachine : IAsyncStateMachine => _builder.AwaitOnCompleted(ref awaiter, ref machine);

    public void AwaitUnsafeOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
        where TAwaiter : ICriticalNotifyCompletion
        where TMachine : IAsyncStateMachine => _builder.AwaitUnsafeOnCompleted(ref awaiter, ref machine);
}
