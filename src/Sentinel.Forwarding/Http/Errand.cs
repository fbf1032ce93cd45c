using Sentinel.Backends;
using Sentinel.Forwarding.Http.Upstreams;
using Sentinel.Forwarding.Http.Upstreams.Http1;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;
using Sentinel.Forwarding.Routing;
using Yarp.ReverseProxy.Forwarder;

namespace Sentinel.Forwarding.Http;

/// <summary>What became of an attempt to have a request answered.</summary>
internal enum Outcome
{
    /// <summary>Answered, or nobody is left to answer, or <see cref="Errand.Failure"/> is all there is to say.</summary>
    Over,

    /// <summary>It did not leave this process.</summary>
    NotSent,

    /// <summary>It may have reached the backend, may be sent again, and has no answer.</summary>
    Lost,
}

/// <summary>
/// One request's way through its pool, whoever reads it from its client and brings it the answer: under which rules, to whom, how often, and what a
/// failure means. May be begun by one reader and finished by another. Not thread-safe.
/// </summary>
internal sealed class Errand(RequestForwarder forwarder, ClientConnection connection)
{
    private Attempts _attempts;
    private BackendId _entered;
    private int _losses;
    private bool _wentElsewhere;

    /// <summary>When the request came: a timestamp of the gate's clock.</summary>
    public long Arrived { get; private set; }

    public ListenerRules Rules { get; private set; } = connection.Rules;

    // Begin sets it.
    public Destination Destination { get; private set; } = null!;

    /// <summary>How TLS is spoken to the backend; null: it is not.</summary>
    public UpstreamTls? Tls { get; private set; } = forwarder.TlsOf(connection.Rules);

    /// <summary>Under what connections are opened for it.</summary>
    public DialTerms Terms => new(connection, Destination.Pool, Rules.Settings.ConnectTimeout, Tls, MustBeNew: IsResent);

    /// <summary>Whether the head of an answer came from the backend.</summary>
    public bool HasAnswer { get; private set; }

    /// <summary>Whether this is its second time, after the first was left without an answer.</summary>
    public bool IsResent => _losses > 0;

    /// <summary>Why there is no answer and will be none; null while there may be.</summary>
    public Failure? Failure { get; private set; }

    /// <summary>The pool as it was when everybody in it had been dialled in vain; null if there was nobody to dial.</summary>
    public Pool? Exhausted => _attempts.Exhausted;

    /// <summary>
    /// Where there is nobody else: once at once; and once more by who may wait, when the backend is back. Elsewhere, once: who loses requests with
    /// one backend after the other is to take no more of them down.
    /// </summary>
    private int MostLosses => Rules.Settings.Hold > TimeSpan.Zero ? 2 : 1;

    private Gate Gate => connection.Gate;

    /// <summary>A request has come.</summary>
    /// <param name="host">As its client wrote it.</param>
    /// <param name="path">Decoded, without the query.</param>
    public void Begin(ReadOnlySpan<char> host, ReadOnlySpan<char> path)
    {
        var rules = connection.RulesNow;
        if (rules != Rules)
        {
            (Rules, Tls) = (rules, forwarder.TlsOf(rules));
        }

        (Arrived, Destination) = (Gate.Time.GetTimestamp(), rules.Routes.Match(host, path));
        (_attempts, _losses, _wentElsewhere, HasAnswer, Failure) = (default, 0, false, false, null);
    }

    /// <summary>Counts it as one of its client's.</summary>
    /// <returns>Null if it may pass; else when the next one may.</returns>
    public TimeSpan? TakeTurn() => Rules.Settings.RequestsPerSecond is > 0 and var rate ? connection.Crowd.Rates.Take(connection.Client, rate) : null;

    /// <summary>Whom to send it to; null if nobody is left.</summary>
    public Backend? Next() => _attempts.Next(Gate, Destination.Pool, connection.Client);

    /// <summary>It waited and was released: everybody may be tried again.</summary>
    public void StartAfresh() => _attempts.StartAfresh();

    /// <summary>Begins an attempt; <see cref="Leave"/> balances it.</summary>
    /// <returns>Null if the backend went down since it was picked: pick again.</returns>
    public Upstream? Enter(Backend backend)
    {
        var upstream = forwarder.Upstreams.Enter(backend.Id);
        if (upstream is not null)
        {
            connection.Reaches(backend.Id);
            backend.Load.Enter();
            _entered = backend.Id;
        }

        return upstream;
    }

    /// <summary>Cancelled when the backend is declared down and this request is to end with it.</summary>
    public CancellationToken Down(Upstream upstream) => Gate.ClosesOnDown(Rules, Destination.Pool) ? upstream.Down : CancellationToken.None;

    /// <summary>
    /// An answer came. From a backend that takes nothing new any more, it is the last that its client gets on this connection: whoever comes
    /// anew finds out who serves now.
    /// </summary>
    /// <param name="switches">Whether the connection goes on with another protocol.</param>
    public void AnswerCame(bool switches)
    {
        HasAnswer = true;
        if (!switches && !(Gate.Pools.Current.Backends.TryGetValue(_entered, out var now) && now.TakesNew))
        {
            connection.RequestClose();
        }
    }

    public static void Leave(Backend backend, Upstream upstream)
    {
        backend.Load.Exit();
        upstream.Exit();
    }

    /// <summary>What has become of an attempt whose backend was declared down before anything was sent to it.</summary>
    public static DialFailure WentDown() => new(DialOutcome.Connected);

    /// <summary>A connection to send it on: one that was in use before, if it may, or a new one.</summary>
    /// <exception cref="DialFailure">None could be opened, or its backend was declared down before one was.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public ValueTask<Http1Connection> ConnectAsync(Upstream upstream, bool isRepeatable, CancellationToken gone)
    {
        // Whom a kept connection was lost with may be closing the others as well: the second time it is a new one, or none.
        var kept = IsResent ? null : upstream.Http1.TryTake(new(Destination.Port, Tls, connection.Loop?.Loop), isRepeatable);
        return kept is null ? DialAsync(upstream, gone) : new(kept);
    }

    /// <summary>
    /// Says what a failed attempt comes to, and writes it down. What was lost on a connection that was kept from an earlier request is tried on a new one, with
    /// whom the pool names: backends close idle connections as they like, and that is nothing against them. What was lost on a new one goes to
    /// another backend of the pool, if one can serve; if none can, once more to the same.
    /// </summary>
    /// <param name="error">How far it came.</param>
    /// <param name="cause">Why.</param>
    /// <param name="isGone">Whether the client has gone.</param>
    /// <param name="isDown">Whether the backend was declared down.</param>
    /// <param name="method">The request's.</param>
    /// <param name="isRepeatable">Whether it may be sent again though it may have been carried out.</param>
    /// <returns>What is next, and what the connection's end would be called if it ended with this request.</returns>
    public (Outcome Outcome, ConnectionEnd End) Judge(
        Backend backend, ForwarderError error, Exception? cause, bool isGone, bool isDown, string method, bool isRepeatable)
    {
        // An answer that its backend broke off is broken off for the client as well, which looks as if the client had left.
        if (isGone && !isDown && error != ForwarderError.ResponseBodyDestination)
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
                Log.UpstreamTlsFailed(forwarder.Logger, Gate.Name, backend.Id, why.Message);
            }

            return (Outcome.NotSent, default);
        }

        var failure = Failure.Of(error, cause, isDown);
        var goesElsewhere = !_wentElsewhere && upstream is AnswerLost { WasKept: false } && _attempts.HasOther(Gate, Destination.Pool, backend);
        if ((isDown || upstream is AnswerLost) && upstream is not AnswerCut && !HasAnswer && (goesElsewhere || _losses < MostLosses) && isRepeatable)
        {
            _wentElsewhere |= goesElsewhere;
            if (++_losses > 1 || goesElsewhere)
            {
                // A machine that dies takes connections to the last and answers none: it is left alone until it is another.
                _attempts.Failed(Gate, backend, DialOutcome.Refused);
            }

            Log.RequestResent(forwarder.Logger, method, Gate.Name, backend.Id, failure.Reason);
            return (Outcome.Lost, default);
        }

        if (failure.IsWorthTelling)
        {
            Log.RequestFailed(forwarder.Logger, method, Gate.Name, backend.Id, error, failure.Reason, failure.Answer.Status);
        }

        Failure = failure;
        return (Outcome.Over, failure.End);
    }

    private async ValueTask<Http1Connection> DialAsync(Upstream upstream, CancellationToken gone)
    {
        // Whether or not its requests would end with it: this one has not reached it yet.
        using var either = CancellationTokenSource.CreateLinkedTokenSource(gone, upstream.Down);
        try
        {
            return await upstream.Http1.DialAsync(Destination.Port, Terms, either.Token);
        }
        catch (OperationCanceledException) when (upstream.Down.IsCancellationRequested && !gone.IsCancellationRequested)
        {
            throw WentDown();
        }
    }
}
