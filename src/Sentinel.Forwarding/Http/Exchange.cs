using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Sentinel.Backends;
using Sentinel.Forwarding.Http.Answers;
using Sentinel.Forwarding.Http.Awaiting;
using Sentinel.Forwarding.Http.HandOver;
using Sentinel.Forwarding.Http.Plain;
using Sentinel.Forwarding.Http.Tls;
using Sentinel.Forwarding.Http.Upstreams;
using Sentinel.Forwarding.Http.Upstreams.Http1;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;
using Yarp.ReverseProxy.Forwarder;

namespace Sentinel.Forwarding.Http;

/// <summary>One request that Kestrel read, on its way: sends it on its <see cref="Errand"/>, waits while nobody can serve, answers if nothing helps.</summary>
internal sealed class Exchange : IAsker
{
    // RFC 9113 §7
    private const int InternalError = 2;

    private readonly RequestForwarder _forwarder;
    private readonly HttpContext _context;
    private readonly ClientConnection _connection;
    private readonly Errand _errand;
    private readonly bool _isBegun;

    /// <param name="unfinished">What was begun of it elsewhere; null: nothing was.</param>
    public Exchange(RequestForwarder forwarder, HttpContext context, ClientConnection connection, Errand? unfinished)
    {
        (_forwarder, _context, _connection) = (forwarder, context, connection);
        (_errand, _isBegun) = (unfinished ?? new(forwarder, connection), unfinished is not null);
        if (!_isBegun)
        {
            _errand.Begin(context.Request.Host.Value, context.Request.Path.Value);
        }
    }

    public CancellationToken Gone => _context.RequestAborted;

    public bool HasBegun => _context.Response.HasStarted;

    private Gate Gate => _connection.Gate;

    /// <summary>Brings the request to its end.</summary>
    /// <returns>What the connection's end would be called if it ended with this request.</returns>
    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    public async ValueTask<ConnectionEnd> RunAsync()
    {
        if (!_isBegun && await IsAnsweredHereAsync())
        {
            return ConnectionEnd.Completed;
        }

        if (_errand.Failure is { } failure)
        {
            await AnswerWriter.WriteAsync(_context, failure.Answer);
            return failure.End;
        }

        if (_errand.Rules.Settings.Protocol == ListenerProtocol.Tls)
        {
            // Backends speak TLS themselves, to the client. It is answered and let go, so that it comes anew and gets through.
            _connection.RequestClose();
            await AnswerOutageAsync();
            return ConnectionEnd.NoBackend;
        }

        while (true)
        {
            var backend = _errand.Next() ?? await WaitAsync();
            if (backend is null)
            {
                return ConnectionEnd.NoBackend;
            }

            var (outcome, end) = await SendAsync(backend);
            if (outcome == Outcome.Over)
            {
                return end;
            }

            _context.Response.Clear();
        }
    }

    public ValueTask AnswerAsync(AnswerHead head, AnswerBody body)
    {
        PlainAnswer.CopyHead(head, _context.Response);
        return PlainAnswer.CopyBodyAsync(head, body, _context);
    }

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder))]
    public async ValueTask SwitchAsync(AnswerHead head, SwitchedStream backend)
    {
        PlainAnswer.CopyHead(head, _context.Response);
        _connection.Switched();
        var client = await _context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
        await new Tunnel(client, EndSendingAsync, backend).RunAsync();
    }

    // Of a client that has gone, Kestrel may leave it without an end.
    public Task CompleteAsync() => _context.Response.CompleteAsync().WaitAsync(_context.RequestAborted);

    public void Break()
    {
        if (_context.Features.Get<IHttpResetFeature>() is { } stream)
        {
            stream.Reset(InternalError);
        }
        else
        {
            _context.Abort();
        }
    }

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    private async ValueTask<bool> IsAnsweredHereAsync()
    {
        if (RequestFaults.HasAny(_context))
        {
            // Refused, and nothing behind it is read.
            _connection.RequestClose();
            await AnswerWriter.WriteAsync(_context, Refusals.For(StatusCodes.Status400BadRequest));
            return true;
        }

        var isChallenge = AcmeAnswer.IsAsked(_context.Request, out var token);
        if (isChallenge && _forwarder.Certificates?.FindKeyAuthorization(token) is { } proof)
        {
            await AcmeAnswer.WriteAsync(_context, proof);
            return true;
        }

        if (Refusal() is { } refusal)
        {
            await AnswerWriter.WriteAsync(_context, refusal);
            return true;
        }

        if (_errand.Rules.Settings.RedirectToHttps && !isChallenge)
        {
            await HttpsRedirect.WriteAsync(_context);
            return true;
        }

        return false;
    }

    private Answer? Refusal()
    {
        var request = _context.Request;
        if (_errand.TakeTurn() is { } wait)
        {
            return Refusals.TooMany(wait);
        }

        if (HttpMethods.IsConnect(request.Method))
        {
            var extended = _context.Features.Get<IHttpExtendedConnectFeature>();
            if (extended is not { IsExtendedConnect: true })
            {
                return Refusals.Tunnel;
            }

            if (extended.Protocol != "websocket")
            {
                return Refusals.UnknownProtocol;
            }
        }

        var most = _errand.Rules.Settings.MaxRequestBody;
        if (most > 0 && request.ContentLength > most)
        {
            return Refusals.TooLarge;
        }

        if (_context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = most > 0 ? most : null;
        }

        return null;
    }

    /// <returns>Null if nobody came in time and the client has its answer.</returns>
    private async Task<Backend?> WaitAsync()
    {
        if (IsStatus(out _))
        {
            await AnswerOutageAsync();
            return null;
        }

        _connection.HoldBegan();
        try
        {
            var (backend, _) = await Gate.Room.WaitAsync(
                _errand.Destination.Pool, _connection.Client, _errand.Arrived, _errand.Rules.Settings.Hold, _errand.Exhausted, _context.RequestAborted);
            if (backend is not null)
            {
                _errand.StartAfresh();
                return backend;
            }
        }
        finally
        {
            _connection.HoldEnded();
        }

        await AnswerOutageAsync();
        return null;
    }

    private Task AnswerOutageAsync()
    {
        if (IsStatus(out var pool))
        {
            return StatusAnswer.WriteAsync(_context, pool, Gate.Time.GetUtcNow());
        }

        Log.OutageAnswered(_forwarder.Logger, _context.Request.Method, Gate.Name, _errand.Destination.Pool);
        return AnswerWriter.WriteAsync(_context, _forwarder.Outage(_context.Request.Method, Gate, _errand.Rules, _errand.Destination.Pool));
    }

    private bool IsStatus(out Pool pool) =>
        Gate.Pools.Current.Pools.TryGetValue(_errand.Destination.Pool, out pool!)
        && !pool.CanServe
        && _context.Request.Path == OutageAnswer.StatusPath
        && _context.Request.Method is "GET" or "HEAD";

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    private async ValueTask<(Outcome Outcome, ConnectionEnd End)> SendAsync(Backend backend)
    {
        var upstream = _errand.Enter(backend);
        if (upstream is null)
        {
            return (Outcome.NotSent, default);
        }

        try
        {
            var down = _errand.Down(upstream);
            var (error, cause) = TakesShortWay() ? await PassAsync(upstream, down) : await ForwardAsync(upstream, down);
            return error == ForwarderError.None ? (Outcome.Over, ConnectionEnd.Completed) : await FailedAsync(backend, error, cause, down.IsCancellationRequested);
        }
        finally
        {
            Errand.Leave(backend, upstream);
        }
    }

    /// <summary>Tells the client that nothing more comes. If it has gone already, whoever reads finds out.</summary>
    private async ValueTask EndSendingAsync()
    {
        try
        {
            if (_context.Features.Get<ITlsConnectionFeature>() is TlsFeature tls)
            {
                await tls.EndSendingAsync();
            }

            await _connection.EndSendingAsync();
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
        }
    }

    private bool TakesShortWay() =>
        _context.Features.Get<IHttpExtendedConnectFeature>() is not { IsExtendedConnect: true }
        && !Acceptable.IsGrpc(_context.Request.ContentType);

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    private async ValueTask<(ForwarderError Error, Exception? Cause)> PassAsync(Upstream upstream, CancellationToken down)
    {
        var request = new PlainRequest(_context, _connection);
        var isRepeatable = request.Framing == Framing.None && Resending.IsIdempotent(_context.Request.Method);
        var result = await PlainPass.SendAsync(this, request, _errand, upstream, isRepeatable, down);
        _connection.MaySendOn = !request.IsRead;
        return result;
    }

    private async ValueTask<(ForwarderError Error, Exception? Cause)> ForwardAsync(Upstream upstream, CancellationToken down)
    {
        _context.Features.Set(_errand);
        _context.Features.Set<IForwarderErrorFeature>(null);
        _context.Features.Set<IHttpResponseBodyFeature>(new MortalResponse(_context.Features.GetRequiredFeature<IHttpResponseBodyFeature>(), _context.RequestAborted));
        var error = await _forwarder.ForwardAsync(_context, upstream.Prefix(_errand.Destination.Port, isTls: _errand.Tls is not null), upstream, down);
        return (error, _context.Features.Get<IForwarderErrorFeature>()?.Exception);
    }

    private async ValueTask<(Outcome Outcome, ConnectionEnd End)> FailedAsync(Backend backend, ForwarderError error, Exception? cause, bool isDown)
    {
        var judged = _errand.Judge(
            backend, error, cause, _context.RequestAborted.IsCancellationRequested, isDown, _context.Request.Method, Resending.Allows(_context));
        if (_errand.Failure is { } failure && !_context.Response.HasStarted)
        {
            await AnswerWriter.WriteAsync(_context, failure.Answer);
        }

        return judged;
    }
}
