using System.Diagnostics.CodeAnalysis;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Sentinel.Forwarding.Http.Awaiting;
using Sentinel.Forwarding.Http.Loops;

namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>
/// One connection to a backend, and one exchange on it at a time. Reads while it writes: an answer may come before its
/// request is whole, and both may go on at once for as long as they like. Free for the next exchange only when the
/// request is wholly sent, the answer wholly read, and not a byte is left over.
/// </summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "Abort disposes of the stream; a source without a timer holds nothing.")]
internal sealed class Http1Connection
{
    // 103 Early Hints and the like. Some say every few seconds that they are still at work; who never comes to an end has lost his way.
    private const int MostInterims = 1000;

    private readonly Http1Handler _home;
    private readonly Socket _socket;
    private readonly LoopSocket? _onLoop;

    // The same once more where nothing is between it and us: no TLS.
    private readonly LoopSocket? _inClear;
    private readonly Stream _stream;
    private readonly ReadBuffer _buffer;
    private readonly TimeProvider _time;
    private readonly AnswerHead _head = new();
    private readonly HeadWriter _writer = new();
    private readonly AnswerBody _body;

    // Over TLS, reads while nothing is asked: what TLS has taken from the socket already, the socket does not show.
    private ValueTask<int> _listening;
    private bool _isListening;

    // Whether it has carried an exchange.
    private bool _isKept;

    // Of the present exchange.
    private CancellationTokenSource? _stopSending;
    private volatile bool _keepsAlive;
    private volatile bool _isUnsent;
    private bool _hasInterim;
    private int _unfinished;
    private int _closed;

    /// <param name="home">Where it goes between exchanges.</param>
    /// <param name="socket">What it is made of.</param>
    /// <param name="onLoop">The same, if a loop waits for it.</param>
    /// <param name="stream">The socket, or the TLS over it; owns it.</param>
    /// <param name="way">For which exchanges it can be used again.</param>
    /// <param name="time">Measures idleness.</param>
    public Http1Connection(Http1Handler home, Socket socket, LoopSocket? onLoop, Stream stream, UpstreamWay way, TimeProvider time)
    {
        (_home, _socket, _onLoop, _stream, _time, Way) = (home, socket, onLoop, stream, time, way);
        _inClear = _stream is LoopStream ? onLoop : null;
        _buffer = new(_stream);
        _body = new(this, _buffer);
    }

    /// <summary>For which exchanges it can be used again.</summary>
    public UpstreamWay Way { get; }

    /// <summary>When its last exchange was over: a timestamp of the clock it was made with.</summary>
    public long IdleSince { get; private set; }

    public Socket Socket => _socket;

    /// <summary>Whether a connection that is idle is still good: what can be read from it is its end, or nothing that anybody asked for.</summary>
    public bool IsUsable()
    {
        try
        {
            return !HasHeard && !_socket.Poll(0, SelectMode.SelectRead);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Whether nothing is known against it. Costs no call where a loop waits for it.</summary>
    public bool SeemsUsable => _onLoop is { IsReadable: false } ? !HasHeard : IsUsable();

    // Whoever has said that much is at work on the request.
    private bool HasAnswered => _hasInterim || _head.HasBegun || !_buffer.IsEmpty;

    // What TLS says for itself, such as tickets for its next session, ends no read.
    private bool HasHeard => _isListening && _listening.IsCompleted;

    /// <summary>Completes when the body of the present request is sent, or is given up; it does not fail.</summary>
    public Task Sending { get; private set; } = Task.CompletedTask;

    /// <summary>What was wrong with the client's body, if anything was.</summary>
    public Exception? ClientFault { get; private set; }

    /// <summary>
    /// Begins an exchange: sends a request and returns when the head of its answer is there, which is valid until <see cref="Release"/>.
    /// Whoever wants to give it up calls <see cref="Abort"/>.
    /// </summary>
    /// <exception cref="UpstreamFailure">There is no answer, or none that can be understood.</exception>
    /// <exception cref="IOException">The client's body broke off or was not what its head says.</exception>
    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    public async ValueTask<AnswerHead> AskAsync(OutgoingRequest request)
    {
        (_stopSending, ClientFault, Sending, _keepsAlive, _isUnsent, _hasInterim, _unfinished) = (null, null, Task.CompletedTask, true, true, false, 3);
        _head.Reset();
        try
        {
            try
            {
                await _stream.WriteAsync(request.Head(_writer));
            }
            finally
            {
                _writer.Release();
            }

            if (request.Framing == Framing.None)
            {
                RequestEnded();
            }

            var head = await (request.Framing == Framing.None ? ReadHeadAsync(request, null) : AskWithBodyAsync(request));
            _home.Heard();
            if (!head.KeepsAlive)
            {
                // never the other way about: whoever sends the body may be saying the same at this moment
                _keepsAlive = false;
            }

            if (head.Status == 101 && !request.MayUpgrade)
            {
                throw new AnswerMalformed("101 Switching Protocols that nobody asked for");
            }

            return head;
        }
        catch (Exception e)
        {
            Abort();
            throw ClientFault is { } fault ? new IOException("the body of the request broke off", fault)
                : e is IOException or ObjectDisposedException && e is not UpstreamFailure ? (HasAnswered ? new AnswerCut(e) : new AnswerLost(_isKept, e))
                : e;
        }
    }

    /// <summary>The body of an answer whose head was just read, until <see cref="Release"/>. Its end may be there already.</summary>
    /// <param name="head">Where it begins.</param>
    /// <param name="message">Gets the trailers.</param>
    public AnswerBody Open(AnswerHead head, HttpResponseMessage? message = null)
    {
        // Whoever has a message may dispose of its body when this connection is at another exchange.
        var body = message is null ? _body : new AnswerBody(this, _buffer);
        body.Begin(head, message);
        if (body.IsOver)
        {
            AnswerEnded();
        }

        return body;
    }

    /// <summary>The connection after 101 Switching Protocols.</summary>
    public SwitchedStream Switch() => new(this, _buffer, _stream);

    /// <summary>Tells the backend that nothing more comes, and goes on reading.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="SocketException">The connection broke.</exception>
    /// <exception cref="InvalidOperationException">The connection was ended.</exception>
    public async ValueTask EndSendingAsync()
    {
        if (_stream is SslStream tls)
        {
            await tls.ShutdownAsync();
        }

        if (_onLoop is not null)
        {
            _onLoop.EndSending();
        }
        else
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
    }

    /// <summary>
    /// Whoever began the exchange is done with it, and will abort it no more: the connection may begin the next one as soon as
    /// the request is wholly sent and the answer wholly read.
    /// </summary>
    public void Release() => PartEnded();

    /// <summary>The answer is read to its end.</summary>
    public void AnswerEnded()
    {
        if (!_keepsAlive)
        {
            Abort();
        }
        else if (_isUnsent)
        {
            // Answered before it was told everything. It may want to hear the rest; when it hangs up, it did not.
            _keepsAlive = false;
            _ = StopSendingAtHangUpAsync();
        }

        PartEnded();
    }

    /// <summary>Ends it at once, whatever is under way.</summary>
    public void Abort()
    {
        _keepsAlive = false;
        if (Interlocked.Exchange(ref _closed, 1) == 0)
        {
            _home.Closed(this);
            _stream.Dispose();
            _ = _stopSending?.CancelAsync();
        }
    }

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    private async ValueTask<AnswerHead> AskWithBodyAsync(OutgoingRequest request)
    {
        var begin = new BodyBegin(_time);
        if (!request.AwaitsContinue)
        {
            begin.Allow();
        }

        // The reading begins first: while a body can be sent without a wait, sending it would keep this thread.
        var stop = _stopSending = new();
        var reading = ReadHeadAsync(request, begin);
        if (Volatile.Read(ref _closed) != 0)
        {
            // Aborted before there was anything to stop.
            await stop.CancelAsync();
        }

        Sending = SendBodyAsync(request, begin, stop);
        try
        {
            return await reading;
        }
        finally
        {
            // From here on the request may be over for its client, and a body that has not begun must never begin.
            await begin.DecideAsync();
        }
    }

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    private async ValueTask<AnswerHead> ReadHeadAsync(OutgoingRequest request, BodyBegin? begin)
    {
        if (_isListening)
        {
            // TLS is read by one at a time; this one took nothing.
            _isListening = false;
            _ = await _listening;
        }

        for (var interims = 0; interims <= MostInterims; interims++)
        {
            _head.Reset();
            while (!_head.TryRead(_buffer, request.IsHead))
            {
                int length;
                if (_inClear is null)
                {
                    length = await _stream.ReadAsync(_buffer.Room());
                }
                else
                {
                    while (!_inClear.IsReadable || (length = _inClear.TryReceive(_buffer.Room().Span)) < 0)
                    {
                        // who waits holds no memory
                        _buffer.Release();
                        await _inClear.WaitReadableAsync();
                    }
                }

                if (!_buffer.Filled(length))
                {
                    throw HasAnswered ? new AnswerCut() : new AnswerLost(_isKept);
                }
            }

            if (!_head.IsInterim)
            {
                return _head;
            }

            _hasInterim = true;
            if (_head.Status == 100)
            {
                begin?.Allow();
            }
            else
            {
                await request.TellAsync(_head);
            }
        }

        throw new AnswerMalformed($"more than {MostInterims} interim answers");
    }

    private async Task SendBodyAsync(OutgoingRequest request, BodyBegin begin, CancellationTokenSource stop)
    {
        try
        {
            if (await begin.IsAllowedAsync())
            {
                var body = new RequestBody(_stream, request.Framing, request.Length, stop);
                var copying = request.CopyBodyAsync(body, stop.Token);
                begin.Begun();
                await copying;
                await body.FinishAsync(request, _writer, stop.Token);
            }
            else
            {
                // Announced and not sent: the connection cannot be told from one where it still comes.
                _keepsAlive = false;
            }
        }
        catch (Exception e)
        {
            begin.Begun();
            _keepsAlive = false;
            if (!stop.IsCancellationRequested)
            {
                // The client's body is cut or wrong, and must not look whole to the backend.
                ClientFault = e;
                Abort();
            }
        }

        RequestEnded();
    }

    private void RequestEnded()
    {
        _isUnsent = false;
        PartEnded();
    }

    private async Task StopSendingAtHangUpAsync()
    {
        try
        {
            if (_buffer.IsEmpty)
            {
                // Not an empty read, which may return though nothing is there.
                _ = await _stream.ReadAsync(new byte[1]);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
        }

        Abort();
    }

    /// <summary>Of the three parts, request, answer and whoever wanted it, one is over.</summary>
    private void PartEnded()
    {
        if (Interlocked.Decrement(ref _unfinished) > 0)
        {
            return;
        }

        // they hold memory
        _head.Reset();
        _body.Trailers.Reset();
        _buffer.Release();
        if (_keepsAlive && _buffer.IsEmpty && !ListenInTls())
        {
            (IdleSince, _isKept) = (_time.GetTimestamp(), true);
            _home.Return(this);
        }
        else
        {
            Abort();
        }
    }

    /// <returns>Whether there is something already that nobody asked for.</returns>
    [SuppressMessage("Reliability", "CA2012:Use ValueTasks correctly", Justification = "Awaited once, before the next read; if there is none, it ends with the connection.")]
    private bool ListenInTls()
    {
        if (_stream is SslStream)
        {
            (_listening, _isListening) = (_stream.ReadAsync(Memory<byte>.Empty), true);
        }

        return HasHeard;
    }
}
