using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Sentinel.Backends;
using Sentinel.Forwarding.Http.Awaiting;
using Sentinel.Forwarding.Http.Plain;
using Sentinel.Forwarding.Http.Transports;
using Sentinel.Forwarding.Http.Upstreams;
using Sentinel.Forwarding.Http.Upstreams.Http1;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Forwarding.Relay;
using Yarp.ReverseProxy.Forwarder;

namespace Sentinel.Forwarding.Http.Door;

/// <summary>
/// A client's connection while its requests are plain: reads them, sends each on its <see cref="Errand"/> and brings the answer, one
/// after the other, with nothing made for each. What goes on otherwise than wanted before a byte of the answer is passed on is left for Kestrel.
/// </summary>
internal sealed class PlainVisit : IAsker
{
    private static readonly Action<object?> Unwait = static visit => ((PlainVisit)visit!)._output.CancelPendingFlush();

    private readonly RequestForwarder _requests;
    private readonly ClientConnection _connection;
    private readonly ClientTransport _transport;
    private readonly PipeReader _input;
    private readonly PipeWriter _output;
    private readonly PlainHead _head;
    private readonly Errand _errand;
    private readonly Lock _reading = new();
    private ReadOnlySequence<byte> _arrived;
    private volatile bool _isClosing;
    private bool _mayBeHttp2;
    private bool _isLast;
    private bool _isBegun;
    private bool _isOver;

    /// <param name="pipe">What is inside the transport.</param>
    public PlainVisit(RequestForwarder requests, ClientConnection connection, ClientTransport transport, IDuplexPipe pipe, bool isEncrypted)
    {
        (_requests, _connection, _transport) = (requests, connection, transport);
        (_input, _output, Gone) = (pipe.Input, pipe.Output, transport.Closed);
        _mayBeHttp2 = !isEncrypted && connection.Rules.Settings.Http2;
        _head = new(connection.ClientText, connection.Scheme) { Interims = TellAsync };
        _errand = new(requests, connection);
    }

    public CancellationToken Gone { get; }

    public bool HasBegun { get; private set; }

    /// <summary>Serves until there is something that is not plain, or the end.</summary>
    /// <returns>Which of them, and what was begun of the request that is left for Kestrel.</returns>
    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    public async ValueTask<(VisitEnd End, Errand? Unfinished)> ServeAsync()
    {
        _connection.IsAtDoor(CloseAfterThis);

        // Who has gone reads nothing any more, and nothing else would tell whoever waits for that.
        await using var leaving = Gone.UnsafeRegister(Unwait, this);
        while (true)
        {
            ReadResult read;
            try
            {
                read = await _input.ReadAsync();
            }
            catch (Exception)
            {
                // Whatever breaks on the client's side ends its connection.
                return (VisitEnd.Over, null);
            }

            (_arrived, HasBegun) = (read.Buffer, false);
            var isOver = read.IsCompleted || _isClosing;
            var next =
                _arrived.IsEmpty ? (isOver ? VisitEnd.Over : VisitEnd.None)
                : IsPlain() ? await PassAsync()
                : Preface() switch
                {
                    HttpPreface.Http2 => VisitEnd.Http2,
                    HttpPreface.Undecided when isOver => VisitEnd.Over,
                    HttpPreface.Undecided => VisitEnd.None,
                    _ => VisitEnd.Kestrel,
                };
            if (!HasBegun)
            {
                // what is still undecided is shown again when there is more
                _input.AdvanceTo(_arrived.Start, next == VisitEnd.None ? _arrived.End : _arrived.Start);
            }

            _arrived = default;
            _head.Release();
            if (next != VisitEnd.None)
            {
                lock (_reading)
                {
                    _isOver = true;
                }

                return (next, _isBegun ? _errand : null);
            }
        }
    }

    /// <summary>The answer's head is there. From here on the request is nobody else's.</summary>
    public ValueTask AnswerAsync(AnswerHead head, AnswerBody body)
    {
        // What is malformed from the start is told by its status.
        body.PassFrames();
        _input.AdvanceTo(_arrived.GetPosition(_head.HeadLength));
        _head.Release();
        HasBegun = true;
        _isLast = _head.Closes || _isClosing;

        // A length beside no content is what only HEAD and 304 may have (RFC 9110 §8.6).
        var isEmpty = body.IsOver && body.Trailers.Count == 0;
        var length = head.ContentLength ?? (isEmpty && head.Framing == Framing.Chunked ? 0 : null);
        var isChunked = !isEmpty && length is null;
        AnswerLines.Write(_output, head, isChunked, length, _isLast, _errand.Rules.Hsts, _connection.Gate.Time);
        return CopyAsync(new(_output, isChunked, gone: default), head, body);
    }

    // Who asks for it is not plain.
    public ValueTask SwitchAsync(AnswerHead head, SwitchedStream backend) => throw new InvalidOperationException("Nobody asked to switch.");

    public Task CompleteAsync() => Task.CompletedTask;

    public void Break() => _transport.Abort("An answer was broken off.");

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder))]
    private static async ValueTask CopyAsync(Pieces pieces, AnswerHead head, AnswerBody body)
    {
        await pieces.CopyAsync(body);
        pieces.End(head, body);
        await pieces.FlushAsync();
    }

    /// <summary>Passes an interim answer on at once. The request stays open: it may still go to another backend, or to Kestrel.</summary>
    private async ValueTask TellAsync(AnswerHead interim)
    {
        AnswerLines.WriteInterim(_output, interim);
        try
        {
            await _output.FlushAsync();
        }
        catch (Exception)
        {
            // Whatever breaks on the client's side ends its connection, and what is asked for it with that.
            Break();
        }
    }

    private bool IsPlain() => _arrived.IsSingleSegment && _head.TryRead(_arrived.FirstSpan);

    /// <summary>Whether what arrived begins HTTP/2, which only the first bytes of a connection do.</summary>
    private HttpPreface Preface()
    {
        if (!_mayBeHttp2)
        {
            return HttpPreface.Http1;
        }

        var start = _arrived.Slice(0, Math.Min(_arrived.Length, Http2Preface.Length));
        Span<byte> bytes = stackalloc byte[Http2Preface.Length];
        start.CopyTo(bytes);
        return Http2Preface.Read(bytes[..(int)start.Length]);
    }

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    private async ValueTask<VisitEnd> PassAsync()
    {
        var (next, end, isIn) = (VisitEnd.Over, ConnectionEnd.Failed, false);
        Backend? backend = null;
        Upstream? upstream = null;
        _mayBeHttp2 = false;
        _connection.RequestBegan();
        try
        {
            _errand.Begin(_head.Host, _head.Path);
            var settings = _errand.Rules.Settings;
            if (settings.RedirectToHttps || settings.Protocol == ListenerProtocol.Tls
                || !(isIn = _connection.Crowd.TryEnter(_connection.Gate.Rules.Settings.MaxConnections)) || _errand.TakeTurn() is not null)
            {
                // not counted: Kestrel asks again, and says so
                (next, end) = (VisitEnd.Kestrel, ConnectionEnd.Completed);
            }
            else if ((backend = _errand.Next()) is null || (upstream = _errand.Enter(backend)) is null)
            {
                (next, end) = Leave();
            }
            else
            {
                var down = _errand.Down(upstream);
                var (error, cause) = await PlainPass.SendAsync(this, _head, _errand, upstream, isRepeatable: true, down);
                (next, end) = error == ForwarderError.None
                    ? (_isLast ? VisitEnd.Over : VisitEnd.None, ConnectionEnd.Completed)
                    : Failed(backend, error, cause, down.IsCancellationRequested);
            }
        }
        catch (Exception) when (Gone.IsCancellationRequested)
        {
            end = ConnectionEnd.ClientLeft;
        }
        catch (Exception e)
        {
            // A fault in one request is that request's.
            Log.RequestBroke(_requests.Logger, e, _connection.Gate.Name);
            Break();
        }
        finally
        {
            if (upstream is not null)
            {
                Errand.Leave(backend!, upstream);
            }

            _connection.RequestEnded(end);
            if (isIn)
            {
                _connection.Crowd.Exit();
            }
        }

        return next;
    }

    private (VisitEnd Next, ConnectionEnd End) Failed(Backend backend, ForwarderError error, Exception? cause, bool isDown)
    {
        var (outcome, end) = _errand.Judge(backend, error, cause, Gone.IsCancellationRequested, isDown, _head.Method, isRepeatable: !HasBegun);
        return HasBegun || (outcome == Outcome.Over && _errand.Failure is null) ? (VisitEnd.Over, end) : Leave();
    }

    /// <summary>Kestrel brings the request to its end.</summary>
    private (VisitEnd Next, ConnectionEnd End) Leave()
    {
        _isBegun = true;
        return (VisitEnd.Kestrel, ConnectionEnd.Completed);
    }

    private void CloseAfterThis()
    {
        _isClosing = true;
        lock (_reading)
        {
            // who reads after this visit is not to be told
            if (!_isOver)
            {
                _input.CancelPendingRead();
            }
        }
    }
}
