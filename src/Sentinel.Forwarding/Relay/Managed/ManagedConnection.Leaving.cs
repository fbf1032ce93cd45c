using System.Net.Sockets;
using Sentinel.Forwarding.HandOver;

namespace Sentinel.Forwarding.Relay.Managed;

// How a connection goes to another process, and comes from one.
internal sealed partial class ManagedConnection
{
    /// <summary>Takes the connection out of this process. Null if it ends meanwhile, and it is ended if that takes longer than <paramref name="patience"/>.</summary>
    public async Task<KeptConnection?> TakeOutAsync(CancellationToken patience)
    {
        if (Interlocked.CompareExchange(ref _end, Leaving, NotEnded) == NotEnded)
        {
            _pause?.Cancel();
            _waiter?.Leave(Gate.Room);
        }

        await ((Task)_left.Task.WaitAsync(patience)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_left.Task.IsCompleted)
        {
            // Everything that it may wait for can be cancelled: a fault of ours, which must not hold up the others.
            End(ConnectionEnd.Stopped);
            return null;
        }

        return await _left.Task.ConfigureAwait(false);
    }

    /// <summary>Gives what is there to whoever takes it out.</summary>
    /// <returns>False if the connection has ended.</returns>
    private async ValueTask<bool> LeaveAsync()
    {
        if (!IsLeaving)
        {
            return false;
        }

        if (_clientReadable is not null)
        {
            // Cancelled with the rest. A socket that is disposed while a call waits is reset, and this one lives on elsewhere.
            await ((Task)_clientReadable).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        var time = Gate.Time;
        var taken = new KeptConnection
        {
            Listener = Gate.Name,
            Client = caller.EndPoint,
            Reached = caller.Reached,
            IsUnknown = caller.IsUnknown,
            Start = time.GetUtcNow() - time.GetElapsedTime(start),
            ClientSocket = Descriptor.DuplicateOf(client.SafeHandle),
            Relay = _relay?.Keep(_backend!.Id, _closesOnDown),
        };
        if (Interlocked.CompareExchange(ref _end, HasLeft, Leaving) != Leaving)
        {
            taken.Dispose();
            return false;
        }

        _relay?.Close();
        client.Dispose();
        _backend?.Load.Exit();
        carrier.Forget(this);
        _left.SetResult(taken);
        return true;
    }

    /// <summary>The backend's socket, if the connection had one in the process before.</summary>
    private Socket? Resume()
    {
        if (Kept is not { } kept)
        {
            return null;
        }

        _backend = kept.BackendIn(Gate.Pools);
        _backend.Load.Enter();
        return new Socket(new SafeSocketHandle(kept.BackendSocket.Release(), ownsHandle: true));
    }
}
