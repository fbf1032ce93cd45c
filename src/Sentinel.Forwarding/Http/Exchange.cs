using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Sentinel.Backends;
using Sentinel.Forwarding.Http.Answers;
using Sentinel.Forwarding.Http.Plain;
using Sentinel.Forwarding.Http.Upstreams;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;
using Sentinel.Forwarding.Routing;
using Yarp.ReverseProxy.Forwarder;

namespace Sentinel.Forwarding.Http;

/// <summary>One request on its way: picks a backend, sends it, waits or tries another while it has not reached one, answers if nothing helps.</summary>
internal sealed class Exchange
{
    private readonly RequestForwarder _forwarder;
    private readonly HttpContext _context;
    private readonly ClientConnection _connection;
    private readonly ListenerRules _rules;
    private readonly Destination _destination;
    private readonly long _arrived;
    private Attempts _attempts;
    private int _losses;

    public Exchange(RequestForwarder forwarder, HttpContext context, ClientConnection connection)
    {
        (_forwarder, _context, _connection) = (forwarder, context, connection);
        _arrived = Gate.Time.GetTimestamp();

        // A reload changes what comes next on a connection that stays, unless its listener became something else.
        _rules = Gate.Rules.Settings.Protocol == connection.Rules.Settings.Protocol ? Gate.Rules : connection.Rules;
        Tls = forwarder.TlsOf(_rules);
        _destination = _rules.Routes.Match(context.Request.Host.Value, context.Request.Path.Value);
    }

    private enum Outcome
    {
        /// <summary>Answered, or nobody is left to answer.</summary>
        Over,

        /// <summary>It did not leave this process.</summary>
        NotSent,

        /// <summary>It may have reached the backend, may be sent again, and has no answer.</summary>
        Lost,
    }

    /// <summary>How TLS is spoken to the backend; null: it is not.</summary>
    public UpstreamTls? Tls { get; }

    /// <summary>Under what connections are opened for it.</summary>
    public DialTerms Terms => new(Gate, _destination.Pool, _rules.Settings.ConnectTimeout, Tls, _connection.Loop?.Loop);

    /// <summary>Whether the head of an answer came from the backend.</summary>
    public bool HasAnswer { get; set; }

    /// <summary>Whether this is its second time, after the first was left without an answer.</summary>
    public bool IsResent => _losses > 0;

    /// <summary>Once at once; and once more by who may wait, elsewhere or when the backend is back.</summary>
    private int MostLosses => _rules.Settings.Hold > TimeSpan.Zero ? 2 : 1;

    private Gate Gate => _connection.Gate;

    /// <summary>Brings the request to its end.</summary>
    /// <returns>What the connection's end would be called if it ended with this request.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<ConnectionEnd> RunAsync()
    {
        if (await IsAnsweredHereAsync())
        {
            return ConnectionEnd.Completed;
        }

        if (_rules.Settings.Protocol == ListenerProtocol.Tls)
        {
            // Backends speak TLS themselves, to the client. It is answered and let go, so that it comes anew and gets through.
            _connection.RequestClose();
            await AnswerOutageAsync();
            return ConnectionEnd.NoBackend;
        }

        var backend = _attempts.Next(Gate, _destination.Pool, _connection.Client);
        while (true)
        {
            backend ??= await WaitAsync();
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
            backend = _attempts.Next(Gate, _destination.Pool, _connection.Client);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> IsAnsweredHereAsync()
    {
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

        if (_rules.Settings.RedirectToHttps && !isChallenge)
        {
            await HttpsRedirect.WriteAsync(_context);
            return true;
        }

        return false;
    }

    private Answer? Refusal()
    {
        var request = _context.Request;
        if (_rules.Settings.RequestsPerSecond is > 0 and var rate && _connection.Crowd.Rates.Take(_connection.Client, rate) is { } wait)
        {
            return Refusals.TooMany(wait);
        }

        if (HttpMethods.IsConnect(request.Method) && _context.Features.Get<IHttpExtendedConnectFeature>() is not { IsExtendedConnect: true })
        {
            return Refusals.Tunnel;
        }

        var most = _rules.Settings.MaxRequestBody;
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
                _destination.Pool, _connection.Client, _arrived, _rules.Settings.Hold, _attempts.Exhausted, _context.RequestAborted);
            if (backend is not null)
            {
                _attempts.StartAfresh();
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

        Log.OutageAnswered(_forwarder.Logger, _context.Request.Method, Gate.Name, _destination.Pool);
        return AnswerWriter.WriteAsync(_context, _forwarder.Outage(_context.Request.Method, Gate, _rules, _destination.Pool));
    }

    private bool IsStatus(out Pool pool) =>
        Gate.Pools.Current.Pools.TryGetValue(_destination.Pool, out pool!)
        && !pool.CanServe
        && _context.Request.Path == OutageAnswer.StatusPath
        && (HttpMethods.IsGet(_context.Request.Method) || HttpMethods.IsHead(_context.Request.Method));

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<(Outcome Outcome, ConnectionEnd End)> SendAsync(Backend backend)
    {
        var upstream = _forwarder.Upstreams.Enter(backend.Id);
        if (upstream is null)
        {
            return (Outcome.NotSent, default);
        }

        _connection.Reaches(backend.Id);
        backend.Load.Enter();
        try
        {
            var down = Gate.ClosesOnDown(_rules, _destination.Pool) ? upstream.Down : CancellationToken.None;
            var (error, cause) = PlainPass.Takes(_context)
                ? await PlainPass.SendAsync(_context, this, _connection, upstream, _destination.Port, down)
                : await ForwardAsync(upstream, down);
            return error == ForwarderError.None ? (Outcome.Over, ConnectionEnd.Completed) : await FailedAsync(backend, error, cause, down.IsCancellationRequested);
        }
        finally
        {
            backend.Load.Exit();
            upstream.Exit();
        }
    }

    private async ValueTask<(ForwarderError Error, Exception? Cause)> ForwardAsync(Upstream upstream, CancellationToken down)
    {
        _context.Features.Set(this);
        _context.Features.Set<IForwarderErrorFeature>(null);
        var error = await _forwarder.ForwardAsync(_context, upstream.Prefix(_destination.Port, isTls: Tls is not null), upstream, down);
        return (error, _context.Features.Get<IForwarderErrorFeature>()?.Exception);
    }

    private async Task<(Outcome Outcome, ConnectionEnd End)> FailedAsync(Backend backend, ForwarderError error, Exception? cause, bool isDown)
    {
        // An answer that its backend broke off is broken off for the client as well, which looks as if the client had left.
        if (_context.RequestAborted.IsCancellationRequested && !isDown && error != ForwarderError.ResponseBodyDestination)
        {
            return (Outcome.Over, ConnectionEnd.ClientReset);
        }

        if (HasAnswer && error == ForwarderError.RequestBodyCanceled)
        {
            // Answered before the request was whole, and the backend did not want the rest.
            return (Outcome.Over, ConnectionEnd.Completed);
        }

        var upstream = UpstreamFailure.Find(cause);
        if (upstream is DialFailure dial)
        {
            _attempts.Failed(Gate, backend, dial.Outcome);
            if (dial.InnerException is { } why)
            {
                Log.UpstreamTlsFailed(_forwarder.Logger, Gate.Name, backend.Id, why.Message);
            }

            return (Outcome.NotSent, default);
        }

        var failure = Failure.Of(error, cause, isDown);
        if ((isDown || upstream is AnswerLost) && !HasAnswer && _losses < MostLosses && Resending.Allows(_context))
        {
            if (++_losses > 1)
            {
                // A machine that dies takes connections to the last and answers none: it is left alone until it is another.
                _attempts.Failed(Gate, backend, DialOutcome.Refused);
            }

            Log.RequestResent(_forwarder.Logger, _context.Request.Method, Gate.Name, backend.Id, failure.Reason);
            return (Outcome.Lost, default);
        }

        if (failure.IsWorthTelling)
        {
            Log.RequestFailed(_forwarder.Logger, _context.Request.Method, Gate.Name, backend.Id, error, failure.Reason, failure.Answer.Status);
        }

        if (!_context.Response.HasStarted)
        {
            await AnswerWriter.WriteAsync(_context, failure.Answer);
        }

        return (Outcome.Over, failure.End);
    }
}
