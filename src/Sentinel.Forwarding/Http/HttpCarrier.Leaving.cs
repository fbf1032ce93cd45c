using System.Collections.Concurrent;
using System.Net.Sockets;
using Sentinel.Backends;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Http.HandOver;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;

namespace Sentinel.Forwarding.Http;

// How clients whom a relay is to carry, and whom it does not have yet, go to another process, and come from one.
internal sealed partial class HttpCarrier
{
    private readonly ConcurrentBag<KeptConnection> _kept = [];
    private readonly TaskCompletionSource _noneServed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _leaving;
    /// <summary>Goes on with a client whom the process before left undecided.</summary>
    public void Resume(KeptConnection kept, ListenerRules rules)
    {
        var socket = new Socket(new SafeSocketHandle(kept.ClientSocket.Release(), ownsHandle: true));
        var caller = new Caller(rules, socket, kept.Client, ClientAddress.Of(kept.Client.Address), kept.IsUnknown, kept.Reached);
        var connection = new ClientConnection(rules, caller, socket, _crowd, Forget, kept.StartOn(gate.Time));
        _open.TryAdd(connection, 0);
        _ = Task.Run(() => ServeAsync(connection, socket));
    }

    /// <summary>Answers nobody any more: asks whom it does to come to an end, and keeps others for the next process. For listeners that relay.</summary>
    /// <param name="now">Ends the wait, and nobody's connection.</param>
    public async Task FinishAsync(CancellationToken now)
    {
        _leaving = true;
        foreach (var connection in _open.Keys.Where(connection => connection.IsServed))
        {
            connection.RequestClose();
        }

        FinishIfNoneServed();
        await _noneServed.Task.WaitAsync(now).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Accepts no more. Returns when nobody is any more on the way to a relay.</summary>
    public async Task StopForNextAsync()
    {
        _leaving = true;
        foreach (var listening in _accepting.Keys)
        {
            StopAccepting(listening);
        }

        await _lastAccepts;
        foreach (var connection in _open.Keys)
        {
            connection.Leave();
        }

        await DecidedAsync();
    }

    /// <summary>Gives those who are left to the next process, once the relay gives nobody back any more.</summary>
    public async Task<IReadOnlyList<KeptConnection>> TakeOutAsync()
    {
        await DecidedAsync();
        return [.. _kept];
    }

    private async Task HandOverAsync(ClientConnection connection, Socket socket, HandOverEndPoint place)
    {
        if (_leaving)
        {
            _kept.Add(connection.TakeOut());
        }
        else
        {
            await engine.HandOverAsync(connection, socket, place);
        }
    }

    private Task DecidedAsync() => Task.WhenAll(_open.Keys.Select(connection => connection.Decided));

    private void FinishIfNoneServed()
    {
        if (_leaving && !_open.Keys.Any(connection => connection.IsServed))
        {
            _noneServed.TrySetResult();
        }
    }
}
