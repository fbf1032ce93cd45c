using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Http.Loops;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Forwarding.Relay;
using Sentinel.Forwarding.Relay.Splice;

namespace Sentinel.Forwarding.Http;

/// <summary>The client connections of one <c>http</c> or <c>https</c> listener, and those of a <c>tls</c> listener that its relay does not serve: looks how each begins, has it served, and knows it to its end.</summary>
internal sealed partial class HttpCarrier(Gate gate, HttpEngine engine, ILogger logger) : ICarrier, IAcceptSink, IArrivalSink, IAnswerer
{
    private readonly ConcurrentDictionary<Socket, ImmutableArray<IAccepting>> _accepting = new();
    private readonly ConcurrentDictionary<ClientConnection, byte> _open = new();
    private readonly Crowd _crowd = new(gate.Time);
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private Task _lastAccepts = Task.CompletedTask;
    private volatile bool _draining;

    public void Accept(Socket listening) => _accepting[listening] = engine.Accept(listening, gate, this, this);

    public void StopAccepting(Socket listening)
    {
        if (!_accepting.TryRemove(listening, out var accepting))
        {
            return;
        }

        foreach (var each in accepting)
        {
            each.Dispose();
        }

        lock (_lock)
        {
            _lastAccepts = Task.WhenAll(accepting.Select(each => each.Completion).Append(_lastAccepts));
        }
    }

    public void Take(Socket socket, IPEndPoint endPoint, ClientAddress client, ListenerRules rules, bool isProxy) =>
        ServeElsewhere(rules, new(rules, socket, endPoint, client, isProxy), socket);

    public void Take(SocketLoop loop, Arrival arrival)
    {
        var descriptor = new Descriptor(arrival.Socket);
        var rules = gate.Rules;
        var isProxy = rules.Proxies is { } proxies && proxies.Contains(arrival.Client.Address);
        if (!gate.Admit(rules, isProxy ? null : arrival.Client.ClientAddress))
        {
            descriptor.Dispose();
            return;
        }

        var socket = Place(descriptor, loop);
        var connection = new ClientConnection(
            rules, new(rules, null, arrival.Client.ToEndPoint(), arrival.Client.ClientAddress, isProxy), socket, null, _crowd, Forget);
        if (socket is not null)
        {
            _open.TryAdd(connection, 0);
            _ = ServeAsync(connection);
        }
        else
        {
            connection.Drop(ConnectionEnd.Failed);
        }
    }

    public bool Wants(ClientHello hello) => engine.IsChallenge(hello);

    public void Answer(ListenerRules rules, Caller caller, Socket socket, long start) =>
        ServeElsewhere(rules, caller, socket, start);

    /// <summary>Backends that are down are the engine's business: it cancels what was sent to them, request by request.</summary>
    public void CloseDown() => engine.ReviewUpstreams();

    /// <summary>Accepts no more, and asks whoever is in to come to an end.</summary>
    public async Task StopAsync()
    {
        foreach (var listening in _accepting.Keys)
        {
            StopAccepting(listening);
        }

        // Whoever was being accepted is in before anybody is counted.
        await _lastAccepts;
        foreach (var connection in _open.Keys)
        {
            connection.RequestClose();
        }
    }

    public async Task DrainAsync(CancellationToken now)
    {
        await StopAsync();
        _draining = true;
        foreach (var connection in _open.Keys)
        {
            connection.RequestClose();
        }

        FinishIfEmpty();
        await using (now.UnsafeRegister(static carrier => ((HttpCarrier)carrier!).AbortAll(), this))
        {
            await _empty.Task;
        }

        engine.Forget(this);
    }

    /// <summary>Called about once a second.</summary>
    /// <param name="withSockets">Whether it is time for the review of <see cref="DeadPeer"/>.</param>
    public void Review(bool withSockets)
    {
        _crowd.Rates.Forget();
        foreach (var connection in _open.Keys)
        {
            connection.Review(withSockets);
        }
    }

    /// <returns>Null if the system refuses, or the engine is at its end: it is closed then.</returns>
    private LoopSocket? Place(Descriptor socket, SocketLoop loop)
    {
        try
        {
            return engine.Place(socket, loop);
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }

    private void ServeElsewhere(ListenerRules rules, Caller caller, Socket socket, long? start = null)
    {
        var connection = new ClientConnection(rules, caller, null, socket, _crowd, Forget, start);
        _open.TryAdd(connection, 0);
        _ = Task.Run(() => ServeAsync(connection));
    }

    private async Task ServeAsync(ClientConnection connection)
    {
        try
        {
            if (connection.Caller.IsUnknown && await connection.Caller.IntroduceAsync(connection.Receiver, connection.Beginning) is { } end)
            {
                connection.Drop(end);
            }
            else if (await BeginsWellAsync(connection))
            {
                await ServeOrKeepAsync(connection);
            }
        }
        catch (OperationCanceledException) when (connection.IsLeaving)
        {
            Keep(connection);
        }
        catch (OperationCanceledException)
        {
            connection.Drop(connection.Caller.IsUnknown ? ConnectionEnd.BadPreface : ConnectionEnd.Idle);
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            connection.Drop(ConnectionEnd.ClientReset);
        }
        catch (Exception e)
        {
            Log.HandOverFailed(logger, e, gate.Name);
            connection.Drop(ConnectionEnd.Failed);
        }
    }

    /// <summary>Looks for a ClientHello where there must be one.</summary>
    /// <returns>False if it is over already.</returns>
    private async ValueTask<bool> BeginsWellAsync(ClientConnection connection)
    {
        if (connection.Rules.Settings.Protocol == ListenerProtocol.Http)
        {
            return true;
        }

        (var preface, connection.Hello) = await TlsPeek.ReadAsync(connection.Receiver, gate.Time, connection.Beginning);
        if (preface == TlsPreface.Hello)
        {
            return true;
        }

        await connection.RefuseAsync(preface);
        return false;
    }

    private void Forget(ClientConnection connection)
    {
        _open.TryRemove(connection, out _);
        FinishIfEmpty();
        FinishIfNoneServed();
    }

    private void FinishIfEmpty()
    {
        if (_draining && _open.IsEmpty)
        {
            _empty.TrySetResult();
        }
    }

    private void AbortAll()
    {
        foreach (var connection in _open.Keys)
        {
            connection.Abort(ConnectionEnd.Stopped);
        }
    }
}
