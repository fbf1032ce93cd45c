using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http;

/// <summary>The client connections of one <c>http</c> listener: looks which HTTP each speaks, hands it to Kestrel, and knows it to its end.</summary>
internal sealed class HttpCarrier(Gate gate, HttpEngine engine, LoopRegistry loops, ILogger logger) : ICarrier, IAcceptSink
{
    private readonly ConcurrentDictionary<Socket, AcceptLoop> _accepting = new();
    private readonly ConcurrentDictionary<ClientConnection, byte> _open = new();
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _draining;

    public void Accept(Socket listening) => _accepting[listening] = AcceptLoop.Start(listening, gate, this, loops, logger);

    public void StopAccepting(Socket listening)
    {
        if (_accepting.TryRemove(listening, out var loop))
        {
            loop.Dispose();
        }
    }

    public void Take(Socket socket, IPEndPoint endPoint, ClientAddress client, ListenerRules rules)
    {
        var connection = new ClientConnection(rules, endPoint, client, socket, Forget);
        _open.TryAdd(connection, 0);
        if (_draining)
        {
            connection.RequestClose();
        }

        _ = Task.Run(() => ServeAsync(connection, socket));
    }

    /// <summary>Backends that are down are the engine's business: it cancels what was sent to them, request by request.</summary>
    public void CloseDown() => engine.ReviewUpstreams();

    public async Task DrainAsync(CancellationToken now)
    {
        foreach (var listening in _accepting.Keys)
        {
            StopAccepting(listening);
        }

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
        foreach (var connection in _open.Keys)
        {
            connection.Review(withSockets);
        }
    }

    private async Task ServeAsync(ClientConnection connection, Socket socket)
    {
        try
        {
            var preface = connection.Rules.Settings.Http2
                ? await HttpPrefacePeek.ReadAsync(socket, gate.Time, connection.Beginning)
                : HttpPreface.Http1;
            if (preface == HttpPreface.Undecided)
            {
                connection.Drop(ConnectionEnd.Completed);
            }
            else
            {
                await engine.HandOverAsync(connection, socket, preface);
            }
        }
        catch (OperationCanceledException)
        {
            connection.Drop(ConnectionEnd.Idle);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            connection.Drop(ConnectionEnd.ClientReset);
        }
        catch (Exception e)
        {
            Log.HandOverFailed(logger, e, gate.Name);
            connection.Drop(ConnectionEnd.Failed);
        }
    }

    private void Forget(ClientConnection connection)
    {
        _open.TryRemove(connection, out _);
        FinishIfEmpty();
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
