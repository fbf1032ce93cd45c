using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Sentinel.Backends;
using Sentinel.Forwarding.Http.HandOver;
using Sentinel.Forwarding.Http.Upstreams;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http;

/// <summary>
/// The sentinel's record of one client connection of an <c>http</c> listener, from accept to end: what it is under, what
/// it moved, whom it reached, why it ended. A feature of every request on it. Thread-safe.
/// </summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "Kestrel disposes what it was handed; a deadline nobody needs any more passes by itself.")]
internal sealed class ClientConnection : IByteCount
{
    private readonly Socket _socket;
    private readonly Action<ClientConnection> _closed;
    private readonly CancellationTokenSource _beginning;
    private readonly Lock _lock = new();
    private ConnectionContext? _context;
    private ConnectionEnd? _end;
    private ConnectionEnd _lastRequest = ConnectionEnd.Completed;
    private bool _closing;
    private int _open;
    private int _held;
    private long _fromClient;
    private long _toClient;
    private long _toldFromClient;
    private long _toldToClient;
    private long _lastMoved;

    /// <param name="rules">What it was admitted under.</param>
    /// <param name="endPoint">The client.</param>
    /// <param name="client">The client, for limits and picking.</param>
    /// <param name="socket">Owned until it is handed over.</param>
    /// <param name="closed">Called once, after the socket is closed and the end told to the gate.</param>
    public ClientConnection(ListenerRules rules, IPEndPoint endPoint, ClientAddress client, Socket socket, Action<ClientConnection> closed)
    {
        (Rules, EndPoint, Client, _socket, _closed) = (rules, endPoint, client, socket, closed);
        _beginning = new(rules.Settings.HeaderTimeout, rules.Gate.Time);
        Start = _lastMoved = rules.Gate.Time.GetTimestamp();
    }

    public ListenerRules Rules { get; }

    public Gate Gate => Rules.Gate;

    public IPEndPoint EndPoint { get; }

    public ClientAddress Client { get; }

    /// <summary>When it was admitted: a timestamp of the gate's clock.</summary>
    public long Start { get; }

    /// <summary>Cancelled when the client has taken too long to begin, or need not begin any more.</summary>
    public CancellationToken Beginning => _beginning.Token;

    /// <summary>Whom a request of it was last sent to.</summary>
    public BackendId? Backend { get; private set; }

    /// <summary>Gives the socket to Kestrel, unless the end came first.</summary>
    /// <returns>False if it is over; then <see cref="Drop"/> follows.</returns>
    public bool HandOver(ConnectionContext socket, HandOverListener listener)
    {
        lock (_lock)
        {
            if (_end is not null)
            {
                return false;
            }

            _beginning.Dispose();
            _context = new HandedOverContext(socket, this);
            if (!listener.HandOver(_context))
            {
                _context = null;
                return false;
            }
        }

        return true;
    }

    /// <summary>It ended before Kestrel had it.</summary>
    public void Drop(ConnectionEnd end)
    {
        End(end);
        _socket.Dispose();
        Closed();
    }

    /// <summary>Ends it at once, with a reset, so that nobody takes for whole what was cut. The first reason counts.</summary>
    public void Abort(ConnectionEnd end)
    {
        ConnectionContext? context;
        lock (_lock)
        {
            _end ??= end;
            context = _context;
        }

        if (context is not null)
        {
            context.Abort(new ConnectionAbortedException(end.ToName()));
        }
        else
        {
            _socket.Close(timeout: 0);
        }
    }

    /// <summary>Asks for its end once its requests are answered: <c>Connection: close</c>, GOAWAY, at once if it is idle.</summary>
    public void RequestClose()
    {
        ConnectionContext? context;
        lock (_lock)
        {
            _closing = true;
            context = _context;
            if (context is null)
            {
                // Whoever has not begun to speak has nothing to finish.
                _end ??= ConnectionEnd.Completed;
            }
        }

        if (context is null)
        {
            _beginning.Cancel();
        }
        else
        {
            context.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
        }
    }

    /// <summary>Kestrel serves it now. A close that was asked for before it could listen is repeated.</summary>
    public void Served()
    {
        bool closing;
        lock (_lock)
        {
            closing = _closing;
        }

        if (closing)
        {
            RequestClose();
        }
    }

    /// <summary>A request began; balanced by <see cref="RequestEnded"/>.</summary>
    public void RequestBegan()
    {
        Interlocked.Increment(ref _open);
        Touch();
    }

    /// <summary>A request is over.</summary>
    /// <param name="end">What the connection's end would be called if it ended with this request.</param>
    public void RequestEnded(ConnectionEnd end)
    {
        _lastRequest = end;
        Touch();
        Interlocked.Decrement(ref _open);
    }

    /// <summary>A request of it waits for a backend; time spent so is not idle.</summary>
    public void HoldBegan() => Interlocked.Increment(ref _held);

    /// <summary>Balances <see cref="HoldBegan"/>.</summary>
    public void HoldEnded()
    {
        Touch();
        Interlocked.Decrement(ref _held);
    }

    /// <summary>A request of it is sent to this backend.</summary>
    public void Reaches(BackendId backend) => Backend = backend;

    public void FromClient(long bytes)
    {
        Interlocked.Add(ref _fromClient, bytes);
        Touch();
    }

    public void ToClient(long bytes)
    {
        Interlocked.Add(ref _toClient, bytes);
        Touch();
    }

    public void ClientBroke() => End(ConnectionEnd.ClientReset);

    /// <summary>Tells the gate what moved since the last call, and ends the connection if that was too long ago. Called about once a second.</summary>
    /// <param name="withSocket">Whether it is time for the review of <see cref="DeadPeer"/>.</param>
    public void Review(bool withSocket)
    {
        TellMoved();
        if (withSocket)
        {
            SocketWatch.Review(_socket);
        }

        var idle = Rules.Settings.IdleTimeout;
        if (idle == TimeSpan.Zero || Volatile.Read(ref _held) > 0 || Gate.Time.GetElapsedTime(Volatile.Read(ref _lastMoved)) < idle)
        {
            return;
        }

        if (Volatile.Read(ref _open) == 0 && !_closing)
        {
            // Between requests nobody loses anything: end it as the protocol has it. One in the middle of a head stays
            // for that, and is ended at the next review.
            End(ConnectionEnd.Idle);
            RequestClose();
        }
        else
        {
            Abort(ConnectionEnd.Idle);
        }
    }

    /// <summary>The socket is closed.</summary>
    public void Closed()
    {
        TellMoved();
        ConnectionEnd end;
        lock (_lock)
        {
            end = _end ?? _lastRequest;
        }

        Gate.Ended(Rules, new()
        {
            Client = Client,
            EndPoint = EndPoint,
            Start = Start,
            End = end,
            Backend = Backend,
            ToBackend = Interlocked.Read(ref _fromClient),
            ToClient = Interlocked.Read(ref _toClient),
        });
        _closed(this);
    }

    private void End(ConnectionEnd end)
    {
        lock (_lock)
        {
            _end ??= end;
        }
    }

    private void Touch() => Volatile.Write(ref _lastMoved, Gate.Time.GetTimestamp());

    private void TellMoved()
    {
        lock (_lock)
        {
            var (from, to) = (Interlocked.Read(ref _fromClient), Interlocked.Read(ref _toClient));
            if (from != _toldFromClient || to != _toldToClient)
            {
                Gate.Relayed(from - _toldFromClient, to - _toldToClient);
                (_toldFromClient, _toldToClient) = (from, to);
            }
        }
    }
}
