using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using Sentinel.Backends;
using Sentinel.Forwarding.Http.Loops;
using Sentinel.Forwarding.Http.Tls;
using Sentinel.Forwarding.Http.Transports;
using Sentinel.Forwarding.Http.Upstreams;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http;

/// <summary>
/// The sentinel's record of one client connection whose HTTP it serves, from accept to end: what it is under, what
/// it moved, whom it reached, why it ended. A feature of every request on it. Thread-safe.
/// </summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "Whoever serves it disposes of its transport; a deadline nobody needs any more passes by itself.")]
internal sealed partial class ClientConnection
{
    private readonly Action<ClientConnection> _closed;
    private readonly TaskCompletionSource _decided = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private CancellationTokenSource? _beginning;
    private ClientTransport? _transport;
    private Action? _requestClose;
    private ConnectionEnd? _end;
    private ConnectionEnd _lastRequest = ConnectionEnd.Completed;
    private long _readSince;
    private bool _closing;
    private bool _hasAsked;
    private bool _isClosed;
    private int _open;
    private int _held;

    /// <param name="rules">What it was admitted under.</param>
    /// <param name="caller">The client.</param>
    /// <param name="loop">Its socket on a loop, owned; or null.</param>
    /// <param name="socket">Otherwise: its socket, owned until it is served.</param>
    /// <param name="crowd">All requests of the listener.</param>
    /// <param name="closed">Called once, after the socket is closed and the end told to the gate.</param>
    /// <param name="start">When it was admitted: now unless given.</param>
    public ClientConnection(ListenerRules rules, Caller caller, LoopSocket? loop, Socket? socket, Crowd crowd, Action<ClientConnection> closed, long? start = null)
    {
        (Rules, Caller, Loop, Socket, _closed) = (rules, caller, loop, socket, closed);
        loop?.Loop.GuestCame();
        (Crowd, Traffic) = (crowd, new(rules.Gate, () => Note(ConnectionEnd.ClientReset)));
        Start = _readSince = start ?? rules.Gate.Time.GetTimestamp();
    }

    public ListenerRules Rules { get; }

    /// <summary>What its next request is under: a reload changes what comes next on a connection that stays, unless its listener became something else.</summary>
    public ListenerRules RulesNow => Gate.Rules is var now && now.Settings.Protocol == Rules.Settings.Protocol ? now : Rules;

    public Gate Gate => Rules.Gate;

    /// <summary>What it is asked by, whatever a client says: <c>https</c> where TLS is spoken with it, else <c>http</c>.</summary>
    public string Scheme => Rules.Settings.Protocol == ListenerProtocol.Http ? "http" : "https";

    public Caller Caller { get; }

    public IPEndPoint EndPoint => Caller.EndPoint;

    /// <summary>The client's address as backends are told it.</summary>
    public string ClientText => field ??= (EndPoint.Address.IsIPv4MappedToIPv6 ? EndPoint.Address.MapToIPv4() : EndPoint.Address).ToString();

    public ClientAddress Client => Caller.Client;

    /// <summary>Its share of the listener's requests.</summary>
    public Crowd Crowd { get; }

    /// <summary>What it moved.</summary>
    public Traffic Traffic { get; }

    /// <summary>Whether its client may be sending a body that nobody reads: it was answered before all of it was there.</summary>
    public bool MaySendOn { get; set; }

    /// <summary>Whether its client has been heard out for as long as may be: see <see cref="Farewell"/>.</summary>
    public bool IsHeardOut { get; set; }

    /// <summary>When it was admitted: a timestamp of the gate's clock.</summary>
    public long Start { get; }

    /// <summary>Cancelled when the client has taken too long to begin, or need not begin any more. From <see cref="Serve"/> on, whoever serves it sees to that.</summary>
    public CancellationToken Beginning => BeginningSource.Token;

    /// <summary>Its socket on a loop; null: .NET waits for it.</summary>
    public LoopSocket? Loop { get; }

    /// <summary>Its socket, if .NET waits for it.</summary>
    public Socket? Socket { get; }

    /// <summary>Where its beginning is read.</summary>
    public IDuplexSocket Receiver => (IDuplexSocket?)Loop ?? new SocketReceiver(Socket!);

    /// <summary>How it began, if it began with TLS.</summary>
    public ClientHello Hello { get; set; }

    /// <summary>Whom a request of it was last sent to.</summary>
    public BackendId? Backend { get; private set; }

    /// <summary>Completes when it is served, over, or somebody else's.</summary>
    public Task Decided => _decided.Task;

    /// <summary>Whether its socket is closed.</summary>
    public bool IsClosed => Volatile.Read(ref _isClosed);

    /// <summary>It is somebody else's now, and so is its end.</summary>
    public void GivenAway()
    {
        EndBeginning();
        _decided.TrySetResult();
        _closed(this);
    }

    /// <summary>It is served from here on, unless the end came first: disposing of its transport ends it.</summary>
    /// <returns>False if it is over: there is nothing to do but dispose of the transport.</returns>
    public bool Serve(ClientTransport transport)
    {
        lock (_lock)
        {
            if (_end is not null)
            {
                return false;
            }

            EndBeginning();
            _transport = transport;
        }

        _decided.TrySetResult();
        return true;
    }

    /// <summary>Turns away who does not begin with a ClientHello: with an answer, if it is one whom an answer helps.</summary>
    /// <param name="preface">What it began with.</param>
    /// <exception cref="SocketException">The connection broke.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="OperationCanceledException">The client took too long.</exception>
    public async Task RefuseAsync(TlsPreface preface)
    {
        var isSilent = preface == TlsPreface.Undecided;
        Note(isSilent ? ConnectionEnd.Completed : ConnectionEnd.HandshakeFailed);
        if (preface is TlsPreface.PlainHttp or TlsPreface.Malformed)
        {
            await ClearRefusal.GiveAsync(Receiver, preface == TlsPreface.PlainHttp ? ClearRefusal.PlainHttp : ClearRefusal.BrokenHello, Beginning);
        }

        Drop(ConnectionEnd.HandshakeFailed);
    }

    /// <summary>It ended before it was served.</summary>
    public void Drop(ConnectionEnd end)
    {
        Note(end);
        CloseSocket(abort: false);
        Closed();
    }

    /// <summary>What its end will be called, whoever ends it. The first reason counts.</summary>
    public void Note(ConnectionEnd end)
    {
        lock (_lock)
        {
            _end ??= end;
        }
    }

    /// <summary>Ends it at once, with a reset, so that nobody takes for whole what was cut. The first reason counts.</summary>
    public void Abort(ConnectionEnd end)
    {
        ClientTransport? transport;
        lock (_lock)
        {
            _end ??= end;
            transport = _transport;
        }

        if (transport is not null)
        {
            transport.Abort(end.ToName());
        }
        else
        {
            CloseSocket(abort: true);
        }
    }

    private void CloseSocket(bool abort)
    {
        if (abort)
        {
            Loop?.Abort();
            Socket?.Close(timeout: 0);
        }
        else
        {
            Loop?.Close();
            Socket?.Dispose();
        }
    }

    /// <summary>
    /// Asks for its end once its requests are answered: <c>Connection: close</c>, GOAWAY, at once if it is idle. Whoever has
    /// just come and asked nothing yet may have a request on the way: that one is still answered, if it comes before the
    /// header's timeout.
    /// </summary>
    public void RequestClose()
    {
        lock (_lock)
        {
            _closing = true;
            if (!_hasAsked && Rules.Settings.Protocol != ListenerProtocol.Tls && !IsLate)
            {
                return;
            }
        }

        Close();
    }

    // Not disposed: somebody may be asking for its end just now. Made when it is needed: most clients begin at once.
    private CancellationTokenSource BeginningSource
    {
        get
        {
            lock (_lock)
            {
                return _beginning ??= new(Rules.Settings.HeaderTimeout, Gate.Time);
            }
        }
    }

    private void EndBeginning() => _beginning?.CancelAfter(Timeout.InfiniteTimeSpan);

    private bool IsLate => Gate.Time.GetElapsedTime(_readSince) >= Rules.Settings.HeaderTimeout;

    private void Close()
    {
        ClientTransport? transport;
        Action? requestClose;
        lock (_lock)
        {
            (transport, requestClose) = (_transport, _requestClose);
            if (transport is null)
            {
                // Whoever has not begun to speak has nothing to finish.
                _end ??= ConnectionEnd.Completed;
            }
        }

        if (transport is null)
        {
            BeginningSource.Cancel();
        }
        else
        {
            requestClose?.Invoke();
        }
    }

    /// <summary>Somebody serves it who ends it when he is asked to. A close that was asked for before anybody could hear of it is repeated.</summary>
    /// <param name="requestClose">Asks for its end. Any thread.</param>
    public void Served(Action requestClose)
    {
        bool closing;
        lock (_lock)
        {
            (_requestClose, closing) = (requestClose, _closing);
        }

        if (closing)
        {
            RequestClose();
        }
    }

    /// <summary>Whether a request of it is at work.</summary>
    public bool HasRequests => Volatile.Read(ref _open) > 0;

    /// <summary>A request began; balanced by <see cref="RequestEnded"/>.</summary>
    public void RequestBegan()
    {
        Interlocked.Increment(ref _open);
        Traffic.Touch();
        bool closing;
        lock (_lock)
        {
            (_hasAsked, closing) = (true, _closing);
        }

        if (closing)
        {
            Close();
        }
    }

    /// <summary>A request is over.</summary>
    /// <param name="end">What the connection's end would be called if it ended with this request.</param>
    public void RequestEnded(ConnectionEnd end)
    {
        _lastRequest = end;
        Volatile.Write(ref _quietSince, Traffic.Touch());
        Interlocked.Decrement(ref _open);
    }

    /// <summary>A request of it waits for a backend; time spent so is not idle.</summary>
    public void HoldBegan() => Interlocked.Increment(ref _held);

    /// <summary>Balances <see cref="HoldBegan"/>.</summary>
    public void HoldEnded()
    {
        Traffic.Touch();
        Interlocked.Decrement(ref _held);
    }

    /// <summary>A request of it is sent to this backend.</summary>
    public void Reaches(BackendId backend) => Backend = backend;

    /// <summary>Tells the gate what moved since the last call, and ends the connection if that was too long ago. Called about once a second.</summary>
    /// <param name="withSocket">Whether it is time for the review of <see cref="DeadPeer"/>.</param>
    public void Review(bool withSocket)
    {
        Traffic.Tell();
        if (withSocket)
        {
            Loop?.Review();
            if (Socket is not null)
            {
                SocketWatch.Review(Socket);
            }
        }

        if (_closing && !_hasAsked && IsLate)
        {
            Close();
        }

        CloseIfSilent();
        var idle = Rules.Settings.IdleTimeout;
        if (idle == TimeSpan.Zero || Volatile.Read(ref _held) > 0 || !Traffic.IsIdleFor(idle))
        {
            return;
        }

        if (!HasRequests && !_closing)
        {
            // Between requests nobody loses anything: end it as the protocol has it. One in the middle of a head stays
            // for that, and is ended at the next review.
            Note(ConnectionEnd.Idle);
            lock (_lock)
            {
                _closing = true;
            }

            Close();
        }
        else
        {
            Abort(ConnectionEnd.Idle);
        }
    }

    /// <summary>The socket is closed. Counts once, whoever tells it.</summary>
    public void Closed()
    {
        if (Interlocked.Exchange(ref _isClosed, true))
        {
            return;
        }

        Loop?.Loop.GuestLeft();
        _decided.TrySetResult();
        Traffic.Tell();
        ConnectionEnd end;
        lock (_lock)
        {
            end = _end ?? _lastRequest;
        }

        Gate.Ended(Rules, new()
        {
            Client = Caller.Counted,
            EndPoint = EndPoint,
            Start = Start,
            End = end,
            Backend = Backend,
            ToBackend = Traffic.TotalFromClient,
            ToClient = Traffic.TotalToClient,
        });
        _closed(this);
    }
}
