using System.Collections.Concurrent;
using System.Net.Sockets;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http;

// How clients of a relay that it could not serve, and who are not answered yet, go to another process. They come back by the relay.
internal sealed partial class HttpCarrier
{
    private readonly ConcurrentBag<KeptConnection> _kept = [];
    private readonly TaskCompletionSource _noneServed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _leaving;

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

    /// <summary>Keeps whoever comes from here on for the next process.</summary>
    public void Leave() => _leaving = true;

    /// <summary>Gives those who are not answered yet to the next process, once the relay gives nobody away any more.</summary>
    public async Task<IReadOnlyList<KeptConnection>> TakeOutAsync()
    {
        foreach (var connection in _open.Keys)
        {
            connection.Leave();
        }

        await Task.WhenAll(_open.Keys.Select(connection => connection.Decided));
        return [.. _kept];
    }

    private async Task ServeOrKeepAsync(ClientConnection connection)
    {
        if (_leaving)
        {
            TakeOut(connection);
        }
        else
        {
            await engine.ServeAsync(connection);
        }
    }

    private void Keep(ClientConnection connection)
    {
        try
        {
            TakeOut(connection);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // No descriptor is left for it, or it was ended just now.
            connection.Drop(ConnectionEnd.Failed);
        }
    }

    /// <summary>In this order: whoever hears that it is decided looks who is kept.</summary>
    private void TakeOut(ClientConnection connection)
    {
        _kept.Add(connection.TakeOut());
        connection.GivenAway();
    }

    private void FinishIfNoneServed()
    {
        if (_leaving && !_open.Keys.Any(connection => connection.IsServed))
        {
            _noneServed.TrySetResult();
        }
    }
}
