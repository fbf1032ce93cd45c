using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Http.HandOver;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http;

/// <summary>The client connections of one <c>http</c> or <c>https</c> listener, and those of a <c>tls</c> listener that its relay does not serve: looks how each begins, hands it to Kestrel, and knows it to its end.</summary>
internal sealed partial class HttpCarrier(Gate gate, HttpEngine engine, LoopRegistry loops, ILogger logger) : ICarrier, IAcceptSink, IAnswerer
{
    private readonly ConcurrentDictionary<Socket, AcceptLoop> _accepting = new();
    private readonly ConcurrentDictionary<ClientConnection, byte> _open = new();
    private readonly Crowd _crowd = new(gate.Time);
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private Task _lastAccepts = Task.CompletedTask;
    private volatile bool _draining;

    public void Accept(Socket listening) => _accepting[listening] = AcceptLoop.Start(listening, gate, this, loops, logger);

    public void StopAccepting(Socket listening)
    {
        if (_accepting.TryRemove(listening, out var loop))
        {
            loop.Dispose();
            lock (_lock)
            {
                _lastAccepts = Task.WhenAll(_lastAccepts, loop.Completion);
            }
        }
    }

    public void Take(Socket socket, IPEndPoint endPoint, ClientAddress client, ListenerRules rules, bool isProxy) =>
        Serve(new(rules, new Caller(rules, socket, endPoint, client, isProxy), socket, _crowd, Forget), socket);

    public bool Wants(ClientHello hello) => engine.IsChallenge(hello);

    public void Answer(ListenerRules rules, Caller caller, Socket socket, long start) => Serve(new(rules, caller, socket, _crowd, Forget, start), socket);

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

    private void Serve(ClientConnection connection, Socket socket)
    {
        _open.TryAdd(connection, 0);
        _ = Task.Run(() => ServeAsync(connection, socket));
    }

    private async Task ServeAsync(ClientConnection connection, Socket socket)
    {
        try
        {
            if (connection.Rules.Settings.Protocol != ListenerProtocol.Tls)
            {
                engine.PutOnLoop(connection, socket);
            }

            if (await connection.Caller.IntroduceAsync(connection.Receiver, connection.Beginning) is { } end)
            {
                connection.Drop(end);
            }
            else if (await PlaceAsync(connection, socket) is { } place)
            {
                await HandOverAsync(connection, socket, place);
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

    /// <returns>Where it is served; null if it is over already.</returns>
    private async ValueTask<HandOverEndPoint?> PlaceAsync(ClientConnection connection, Socket socket)
    {
        var settings = connection.Rules.Settings;
        if (settings.Protocol != ListenerProtocol.Http)
        {
            (var preface, connection.Hello) = await TlsPeek.ReadAsync(connection.Receiver, gate.Time, connection.Beginning);
            if (preface == TlsPreface.Hello)
            {
                return HandOverEndPoint.Tls;
            }

            await connection.RefuseAsync(socket, preface);
            return null;
        }

        switch (settings.Http2 ? await HttpPrefacePeek.ReadAsync(connection.Receiver, gate.Time, connection.Beginning) : HttpPreface.Http1)
        {
            case HttpPreface.Http1:
                return HandOverEndPoint.Http1;
            case HttpPreface.Http2:
                return HandOverEndPoint.Http2;
            default:
                connection.Drop(ConnectionEnd.Completed);
                return null;
        }
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
