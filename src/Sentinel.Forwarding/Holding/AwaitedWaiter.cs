using Sentinel.Backends;

namespace Sentinel.Forwarding.Holding;

/// <summary>A waiter for code that awaits. Continuations run on the thread pool, never in the room.</summary>
internal sealed class AwaitedWaiter(PoolId pool, ClientAddress client, long since, TimeSpan hold) : Waiter(pool, client, since, hold)
{
    private readonly TaskCompletionSource<Backend?> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The backend; null once the wait is over in vain.</summary>
    public Task<Backend?> Outcome => _outcome.Task;

    public override void Released(Backend backend) => _outcome.TrySetResult(backend);

    public override void Expired() => _outcome.TrySetResult(null);

    /// <summary>Gives up: the outcome is null, unless it was called back already.</summary>
    public void Leave(WaitingRoom room)
    {
        if (room.Leave(this))
        {
            _outcome.TrySetResult(null);
        }
    }

    /// <summary>Gives up: the outcome is cancelled, unless it was called back already.</summary>
    public void Cancel(WaitingRoom room, CancellationToken cancellationToken)
    {
        if (room.Leave(this))
        {
            _outcome.TrySetCanceled(cancellationToken);
        }
    }
}
