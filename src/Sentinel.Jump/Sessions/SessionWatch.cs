using System.Net;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Progress;
using Sentinel.Jump.Files;
using Sentinel.Jump.Penalties;

namespace Sentinel.Jump.Sessions;

/// <summary>
/// Follows sshd's log: knows who is logged in, ends the sessions of those who no longer may be, lets a tunnel's new connection
/// take the place of its stale one, and refuses those who only try.
/// </summary>
internal sealed class SessionWatch : IAsyncDisposable
{
    /// <summary>What may be read and kept of the log before it is given back, in bytes.</summary>
    private const long MostKept = 8 << 20;

    /// <summary>Pieces of the log that are read before anything else is looked after.</summary>
    private const int MostPieces = 64;

    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan PruningPace = TimeSpan.FromSeconds(5);

    private readonly Func<Entrance?> _entrance;
    private readonly RouteMarks _marks;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly LoopProgress _progress;
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<IPEndPoint, Session> _sessions = [];
    private readonly PenaltyBook _penalties = new();
    private readonly RefusedSources _refused;
    private readonly HashSet<string> _told = [];
    private readonly List<Refusal> _due = [];
    private LogFollower? _log;
    private Entrance? _checked;
    private DateTimeOffset _pruned;
    private bool _isCaughtUp;
    private bool _hasAdopted;
    private Task _loop = Task.CompletedTask;

    /// <param name="entrance">Who may be logged in; null: nothing is known of that yet, or there is no jump host. Another object for each change.</param>
    /// <param name="marks">Tells users who were sent on what was refused to them.</param>
    public SessionWatch(Func<Entrance?> entrance, RouteMarks marks, LoopRegistry loops, TimeProvider time, ILogger logger)
    {
        (_entrance, _marks, _time, _logger) = (entrance, marks, time, logger);
        _refused = new(time);
        _progress = loops.Add("jump.sessions");
    }

    /// <summary>Begins to follow.</summary>
    public void Start() => _loop = Task.Run(FollowAsync);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => StopAsync(leave: false);

    /// <summary>Ends it.</summary>
    /// <param name="leave">Whether who is refused stays so: for a successor, which takes that over.</param>
    public async ValueTask StopAsync(bool leave)
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        if (!leave)
        {
            if (!_hasAdopted && _entrance() is { } entrance)
            {
                await _refused.AdoptAsync(entrance.Ports, CancellationToken.None).ConfigureAwait(false);
            }

            await _refused.RemoveAsync().ConfigureAwait(false);
        }

        _progress.Dispose();
        _log?.Dispose();
        _stop.Dispose();
    }

    private async Task FollowAsync()
    {
        using var timer = new PeriodicTimer(Pace, _time);
        while (!_stop.IsCancellationRequested)
        {
            _progress.Beat();
            try
            {
                if (_entrance() is { } entrance)
                {
                    if (!_hasAdopted)
                    {
                        _marks.ForgetConnections();
                        await _refused.AdoptAsync(entrance.Ports, _stop.Token).ConfigureAwait(false);
                        _hasAdopted = true;
                    }

                    await RoundAsync(entrance).ConfigureAwait(false);
                }

                await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                Once("round", e.Message, () => Log.SessionsUnseen(_logger, e));
                await Task.Delay(PruningPace, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task RoundAsync(Entrance entrance)
    {
        if (_log?.Path != entrance.Log)
        {
            _log?.Dispose();
            (_log, _isCaughtUp) = (new(entrance.Log), false);
        }

        var isMore = true;
        for (var pieces = 0; isMore && pieces < MostPieces; pieces++)
        {
            _progress.Beat();
            var lines = _log.Read();
            isMore = lines.Count > 0;
            foreach (var line in lines)
            {
                Take(line, entrance);
            }
        }

        await RefuseAsync(entrance).ConfigureAwait(false);
        if (_time.GetUtcNow() - _pruned > PruningPace)
        {
            // What could not be ended is tried again.
            Prune(entrance);
            _checked = null;
        }

        // What an earlier daemon saw already is no news: it only tells who is here.
        if (!_isCaughtUp && _log.IsOpen && !isMore)
        {
            Prune(entrance);
            (_isCaughtUp, _checked) = (true, null);
        }

        if (_isCaughtUp && !ReferenceEquals(entrance, _checked))
        {
            _checked = entrance;
            foreach (var session in _sessions.Values.ToArray())
            {
                EndUnlessAllowed(session, entrance);
            }
        }

        if (_log.Kept > MostKept && !_log.Forget(_sessions.Values.Select(session => session.Line)))
        {
            Once("forget", "", () => Log.LogGrows(_logger));
        }
    }

    private void Take(string line, Entrance entrance)
    {
        var now = _time.GetUtcNow();
        switch (SshdLine.TryParse(line))
        {
            case SshdLine.Accepted accepted:
                // Who is read of in the round that learns of a departure may have come before it.
                var departures = _isCaughtUp ? _checked?.Departures ?? 0 : 0;
                var session = new Session(accepted.Account, accepted.Peer, accepted.Fingerprint, accepted.Certificate, departures, line);
                if (_isCaughtUp && _sessions.GetValueOrDefault(accepted.Peer) != session)
                {
                    Log.SessionOpened(_logger, entrance.OwnerOf(session), session.Account, session.Peer.ToString(), session.Fingerprint);
                }

                _sessions[accepted.Peer] = session;
                _penalties.Accept(Source.Of(accepted.Peer.Address), now);
                if (_isCaughtUp && EndUnlessAllowed(session, entrance))
                {
                    Supersede(session, entrance);
                }

                break;
            case SshdLine.Failed failed when _isCaughtUp:
                var source = Source.Of(failed.Peer.Address);
                if (_penalties.Fail(source, failed.Account, failed.IsKnown, entrance.IsShared(failed.Account), () => HasSession(source, entrance), now) is { } refusal)
                {
                    _due.Add(refusal);
                }

                break;
            case SshdLine.Denied denied when _isCaughtUp && _sessions.TryGetValue(denied.Peer, out var curious):
                Log.Denied(_logger, entrance.OwnerOf(curious), denied.Peer.ToString(), denied.What.Length > 200 ? denied.What[..200] : denied.What);
                if (!entrance.IsShared(curious.Account))
                {
                    _marks.Refuse(denied.Peer);
                }

                break;
        }
    }

    /// <summary>A VM that comes anew has lost its old connection, even if this end does not know yet.</summary>
    private void Supersede(Session session, Entrance entrance)
    {
        if (entrance.TunnelOf(session) is not { } backend)
        {
            return;
        }

        foreach (var older in _sessions.Values.Where(other => !other.Peer.Equals(session.Peer) && entrance.TunnelOf(other) == backend).ToArray())
        {
            if (End(older, entrance))
            {
                Log.TunnelSuperseded(_logger, backend, older.Peer.ToString(), session.Peer.ToString());
            }
        }
    }

    /// <returns>Whether it may go on.</returns>
    private bool EndUnlessAllowed(Session session, Entrance entrance)
    {
        if (entrance.Objection(session) is not { } objection)
        {
            return true;
        }

        if (End(session, entrance))
        {
            Log.SessionEnded(_logger, session.Account, session.Peer.ToString(), objection);
        }

        return false;
    }

    /// <returns>Whether there was something to end, and it has ended.</returns>
    private bool End(Session session, Entrance entrance)
    {
        var ended = false;
        foreach (var connection in Connection.OpenTo(entrance.Ports).Where(connection => connection.Peer.Equals(session.Peer)))
        {
            if (ConnectionEnd.Abort(connection) is { } error)
            {
                Once("abort", $"{session.Peer}", () => Log.SessionGoesOn(_logger, session.Account, session.Peer.ToString(), error));
                return false;
            }

            ended = true;
        }

        _sessions.Remove(session.Peer);
        _marks.Forget(session.Peer);
        return ended;
    }

    private bool HasSession(Source source, Entrance entrance)
    {
        Prune(entrance);
        return _sessions.Keys.Any(peer => Source.Of(peer.Address) == source);
    }

    private void Prune(Entrance entrance)
    {
        _pruned = _time.GetUtcNow();
        if (_sessions.Count == 0)
        {
            return;
        }

        var open = Connection.OpenTo(entrance.Ports).Select(connection => connection.Peer).ToHashSet();
        foreach (var peer in _sessions.Keys.Where(peer => !open.Contains(peer)).ToArray())
        {
            _sessions.Remove(peer);
            _marks.Forget(peer);
        }
    }

    private async Task RefuseAsync(Entrance entrance)
    {
        if (_due.Count == 0)
        {
            return;
        }

        var error = await _refused.AddAsync(_due, entrance.Ports, _stop.Token).ConfigureAwait(false);
        foreach (var refusal in _due)
        {
            if (error is null)
            {
                Log.SourceRefused(_logger, refusal.Source.ToString(), refusal.For, refusal.Why);
            }
            else
            {
                Log.SourceNotRefused(_logger, refusal.Source.ToString(), refusal.Why, error);
            }
        }

        _due.Clear();
    }

    /// <summary>Says a thing once and not each second.</summary>
    private void Once(string kind, string what, Action say)
    {
        if (_told.Count < 100 && _told.Add($"{kind} {what}"))
        {
            say();
        }
    }
}
