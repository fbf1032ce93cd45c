using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;

namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>
/// One connection to a backend, and one exchange on it at a time. Reads while it writes: an answer may come before its
/// request is whole, and both may go on at once for as long as they like. Free for the next exchange only when the
/// request is wholly sent, the answer wholly read, and not a byte is left over.
/// </summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "Abort disposes of it.")]
internal sealed class Http1Connection
{
    // 103 Early Hints and the like; who sends more than a few has lost his way.
    private const int MostInterims = 16;

    // How long a backend may think over Expect: 100-continue before the body is sent anyway (RFC 9110 §10.1.1).
    private static readonly TimeSpan ContinuePatience = TimeSpan.FromSeconds(1);

    private readonly Http1Handler _home;
    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly ReadBuffer _buffer;
    private readonly TimeProvider _time;

    // Of the present exchange.
    private CancellationTokenSource? _stopSending;
    private Exception? _clientFault;
    private volatile bool _keepsAlive;
    private int _unfinished;
    private int _closed;

    public Http1Connection(Http1Handler home, Socket socket, int port, TimeProvider time)
    {
        (_home, _socket, _time, Port) = (home, socket, time, port);
        _stream = new(socket, ownsSocket: true);
        _buffer = new(_stream);
    }

    /// <summary>The backend's.</summary>
    public int Port { get; }

    /// <summary>When its last exchange was over: a timestamp of the clock it was made with.</summary>
    public long IdleSince { get; private set; }

    public Socket Socket => _socket;

    /// <summary>Whether a connection that is idle is still good: what can be read from it is its end, or nothing that anybody asked for.</summary>
    public bool IsUsable()
    {
        try
        {
            return !_socket.Poll(0, SelectMode.SelectRead);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Sends a request and returns when the head of its answer is there.</summary>
    /// <exception cref="UpstreamFailure">There is no answer, or none that can be understood.</exception>
    /// <exception cref="IOException">The client's body broke off or was not what its head says.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        (_stopSending, _clientFault, _keepsAlive, _unfinished) = (null, null, true, 2);
        try
        {
            using (cancellationToken.UnsafeRegister(static connection => ((Http1Connection)connection!).Abort(), this))
            {
                return await ExchangeAsync(request, cancellationToken);
            }
        }
        catch (Exception e)
        {
            Abort();
            cancellationToken.ThrowIfCancellationRequested();
            throw _clientFault is { } fault ? new IOException("the body of the request broke off", fault)
                : e is IOException or ObjectDisposedException && e is not UpstreamFailure ? (_buffer.IsEmpty ? new AnswerLost(e) : new AnswerCut(e))
                : e;
        }
    }

    /// <summary>The answer is read to its end.</summary>
    public void AnswerEnded()
    {
        if (!_keepsAlive)
        {
            Abort();
        }
        else if (Volatile.Read(ref _unfinished) > 1)
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

    private async Task<HttpResponseMessage> ExchangeAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var framing = RequestHead.FramingOf(request);
        await WriteHeadAsync(request, framing, cancellationToken);

        TaskCompletionSource<bool>? wanted = null;
        if (framing == Framing.None)
        {
            PartEnded();
        }
        else
        {
            _stopSending = new();
            wanted = new(TaskCreationOptions.RunContinuationsAsynchronously);
            if (request.Headers.ExpectContinue != true)
            {
                wanted.SetResult(true);
            }
        }

        // The reading begins first: while a body can be sent without a wait, sending it would keep this thread.
        var reading = ReadHeadAsync(request, wanted, cancellationToken);
        if (wanted is not null)
        {
            _ = SendBodyAsync(request.Content!, framing, wanted.Task);
        }

        var head = await reading;
        var content = new AnswerContent();
        var message = head.ToMessage(request, content);
        if (head.Status == 101)
        {
            content.Set(request.Headers.NonValidated.Contains("Upgrade")
                ? new SwitchedStream(this, _buffer, _stream)
                : throw new AnswerMalformed("101 Switching Protocols that nobody asked for"));
            return message;
        }

        _keepsAlive &= head.KeepsAlive;
        content.Set(new AnswerBody(this, _buffer, head, message));
        if (head.Framing == Framing.None)
        {
            AnswerEnded();
        }

        return message;
    }

    private async ValueTask WriteHeadAsync(HttpRequestMessage request, Framing framing, CancellationToken cancellationToken)
    {
        var head = new ArrayBufferWriter<byte>(1024);
        RequestHead.Write(request, framing, head);
        await _stream.WriteAsync(head.WrittenMemory, cancellationToken);
    }

    private async Task<AnswerHead> ReadHeadAsync(HttpRequestMessage request, TaskCompletionSource<bool>? wanted, CancellationToken cancellationToken)
    {
        for (var interims = 0; interims <= MostInterims; interims++)
        {
            var head = await AnswerHead.ReadAsync(_buffer, request.Method == HttpMethod.Head, cancellationToken) ?? throw new AnswerLost();
            if (!head.IsInterim)
            {
                wanted?.TrySetResult(false);
                return head;
            }

            if (head.Status == 100)
            {
                wanted?.TrySetResult(true);
            }
        }

        throw new AnswerMalformed($"more than {MostInterims} interim answers");
    }

    private async Task SendBodyAsync(HttpContent content, Framing framing, Task<bool> wanted)
    {
        var stop = _stopSending!;
        try
        {
            if (await IsWantedAsync(wanted))
            {
                var body = new RequestBody(_stream, framing, RequestHead.Length(content) ?? 0, stop);
                await content.CopyToAsync(body, null, stop.Token);
                await body.FinishAsync(stop.Token);
            }
            else
            {
                // Announced and not sent: the connection cannot be told from one where it still comes.
                _keepsAlive = false;
            }
        }
        catch (Exception e)
        {
            _keepsAlive = false;
            if (!stop.IsCancellationRequested)
            {
                // The client's body is cut or wrong, and must not look whole to the backend.
                _clientFault = e;
                Abort();
            }
        }

        PartEnded();
    }

    private async ValueTask<bool> IsWantedAsync(Task<bool> wanted)
    {
        try
        {
            return await wanted.WaitAsync(ContinuePatience, _time);
        }
        catch (TimeoutException)
        {
            return true;
        }
    }

    private async Task StopSendingAtHangUpAsync()
    {
        try
        {
            await _buffer.WaitAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
        }

        Abort();
    }

    /// <summary>Of the two parts, request and answer, one is over.</summary>
    private void PartEnded()
    {
        if (Interlocked.Decrement(ref _unfinished) > 0)
        {
            return;
        }

        if (_keepsAlive && _buffer.IsEmpty)
        {
            _buffer.Release();
            IdleSince = _time.GetTimestamp();
            _home.Return(this);
        }
        else
        {
            Abort();
        }
    }
}
