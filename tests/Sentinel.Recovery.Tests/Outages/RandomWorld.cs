using Sentinel.Backends;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Tests.Outages;

/// <summary>
/// A cloud with one VM that is preempted, stopped by people, hangs and refuses, and a wire that loses, delays, doubles and
/// reorders what it says. Drives the step through it and checks after each event what must always hold.
/// </summary>
internal sealed class RandomWorld
{
    private static readonly DateTimeOffset Start = Transcript.Start;

    private readonly int _seed;
    private readonly Random _random;
    private readonly PriorityQueue<Func<OutageEvent?>, (DateTimeOffset, int)> _agenda = new();
    private readonly OutagePolicy _policy;
    private readonly List<DateTimeOffset> _starts = [];
    private OutageState _state;
    private DateTimeOffset _now = Start;
    private int _agendaOrder;
    private bool _calm;

    private bool _vmRuns = true;
    private bool _vmAnswers = true;
    private long _run = 1;
    private OutageCause _stopCause;
    private DateTimeOffset _answersFrom = Start;
    private (long Ticket, bool Answered, DateTimeOffset At) _request;
    private (string Id, int Attempts) _progress = ("", 0);
    private long _personsStop;
    private long _letGo;
    private (string Outage, long Run, DateTimeOffset At) _refused = ("", 0, default);
    private readonly Step _step;
    private readonly List<(DateTimeOffset At, OutageEvent? What)> _story = [];
    private int _connections;
    private int _life;

    /// <param name="step">What is tried: the step itself, or a wrong one that must be caught.</param>
    public RandomWorld(int seed, Step? step = null)
    {
        _step = step ?? OutageStep.Apply;
        (_seed, _random) = (seed, new(seed));
        _policy = new OutagePolicy
        {
            CanStart = true,
            Probed = _random.Next(4) > 0,
            HealthyAfter = 1 + _random.Next(3),
            UnhealthyAfter = 1 + _random.Next(3),
            StartAfter = TimeSpan.FromSeconds(_random.Next(3) * 5),
            StartTimeout = TimeSpan.FromSeconds(20 + _random.Next(200)),
            HungAfter = TimeSpan.FromSeconds(_random.Next(2) * 90),
            FlapCount = _random.Next(2) * 5,
            RestartWhenUserStopped = _random.Next(4) == 0,
            Recreate = _random.Next(2) == 0 ? new() : null,
            Fallbacks = [.. new Fallback[] { new Fallback.OtherMachine("n2-highmem-8"), new Fallback.OtherZone("us-central1-b", true), new Fallback.OnDemand(TimeSpan.FromHours(1)) }.Where(_ => _random.Next(2) == 0)],
        };
        _state = OutageStep.Begin(new BackendId("spot-1"), Start).State;
        Schedule(TimeSpan.Zero, Poll);
        Schedule(TimeSpan.Zero, Probe);
    }

    /// <summary>Decides what an event means.</summary>
    internal delegate Decision Step(OutageState state, OutageEvent e, OutagePolicy policy);

    /// <summary>How many outages are over.</summary>
    public int Outages { get; private set; }

    /// <summary>How it stands.</summary>
    public OutageState State => _state;

    /// <summary>All that happened, as a file under Scenarios/ has it.</summary>
    public string Scenario(string title) => Transcript.Replay(ScenarioText.Of($"seed {_seed}: {title}", _policy, [.. _story, (_now, new Ticked(_now, _connections))]));

    /// <summary>Whether the VM was ever seen in each of these: shows that the test reaches what it is about.</summary>
    public HashSet<BackendState> Seen { get; } = [];

    /// <summary>Runs so many events of trouble, then lets the world be at peace until the backend serves.</summary>
    public void Run(int events)
    {
        for (var i = 0; i < events; i++)
        {
            if (_random.Next(40) == 0)
            {
                MakeTrouble();
            }

            Next();
        }

        _calm = true;
        Apply(new Ticked(_now, _connections = 0));
        if (_state.Draining)
        {
            Apply(new OperatorAsked(_now, OperatorRequest.Resume));
        }

        var deadline = _now + TimeSpan.FromHours(2);
        while (_state.Shown is not BackendState.Serving || !_vmRuns)
        {
            Must(_now < deadline, "serves in the end");
            if (_state.Phase is OutagePhase.Held)
            {
                Apply(new OperatorAsked(_now, OperatorRequest.Release));
            }

            if (_vmRuns && !_vmAnswers && _policy.HungAfter == TimeSpan.Zero)
            {
                _vmAnswers = true; // nobody but a person mends a VM that hangs where resets are off
            }

            Next();
        }
    }

    private void MakeTrouble()
    {
        switch (_random.Next(9))
        {
            case 0 or 1 when _vmRuns:
                StopVm(OutageCause.Preempted);
                break;
            case 2 when _vmRuns:
                StopVm(OutageCause.User);
                break;
            case 3 when _vmRuns:
                _vmAnswers = !_vmAnswers;
                break;
            case 4 when !_vmRuns && _stopCause is OutageCause.User:
                StartVm();
                break;
            case 5:
                Apply(new OperatorAsked(_now, (OperatorRequest)_random.Next(5)));
                break;
            case 6:
                Send(() => new PreemptionNoticed(_now, "30s ahead"));
                break;
            case 7:
                Restart();
                break;
            case 8:
                Apply(new Ticked(_now, _connections = _random.Next(2)));
                break;
        }
    }

    private void Restart()
    {
        // What a daemon asked before it was killed is done all the same; nobody hears what came of it.
        _life++;
        _story.Add((_now, null));
        var open = _state.Outage is { IsQuiet: false } outage ? outage : null;
        _request = default;
        Take(OutageStep.Begin(_state.Backend, _now, open, _state.Draining, _state.Recent));
    }

    private void Next()
    {
        if (OutageStep.NextDue(_state, _policy) is { } due && (!_agenda.TryPeek(out _, out var first) || due <= first.Item1))
        {
            _now = due > _now ? due : _now;
            Tick();
            return;
        }

        if (_agenda.TryDequeue(out var what, out var when))
        {
            _now = when.Item1 > _now ? when.Item1 : _now;
            if (what() is { } e)
            {
                Apply(e);
            }
        }
    }

    private void Tick()
    {
        Take(_step(_state, new Ticked(_now, _connections), _policy));
        Must(OutageStep.NextDue(_state, _policy) is not { } again || again > _now, "a tick settles what was due");
    }

    private void Apply(OutageEvent e)
    {
        // What is due at this very moment comes first, as it does in a replay.
        if (OutageStep.NextDue(_state, _policy) <= _now)
        {
            Tick();
        }

        _story.Add((_now, e));
        if (e is InstanceStopped { Cause: OutageCause.User } stopped && stopped.Incarnation.Order == _run && !_vmRuns && _run != _letGo)
        {
            _personsStop = _run;
        }

        if (e is AttemptRefused refused && refused.Ticket == _state.Pending?.Ticket && _state.Phase is OutagePhase.Starting)
        {
            _refused = (_state.Outage!.Id, _run, _now);
        }
        else if (e is OperatorAsked)
        {
            _refused = ("", 0, default);
        }

        var decision = _step(_state, e, _policy);
        if (e is OperatorAsked { Request: OperatorRequest.Release } && decision.Refusal is null)
        {
            (_personsStop, _letGo) = (0, _run);
        }

        Take(decision);
    }

    private void Take(Decision decision)
    {
        var before = _state;
        _state = decision.State;
        Seen.Add(_state.Shown);
        Outages += decision.Ended is null ? 0 : 1;
        Must(_state.Phase is not OutagePhase.Serving || (_state.Healthy && _state.Outage is null), "what serves is healthy and has no outage");
        Must(!_state.Healthy || !_state.IsDown, "what is down is not healthy");
        Must(_state.Phase is OutagePhase.Unknown or OutagePhase.Serving || _state.IsServing || _state.Outage is not null, "what does not serve has an outage");
        if (_state.Outage is { } outage)
        {
            Must(outage.Id != _progress.Id || outage.Attempts >= _progress.Attempts, "attempts never go back");
            _progress = (outage.Id, outage.Attempts);
            Must(outage.Timeline.Count <= 200, "the timeline is bounded");
        }

        foreach (var effect in decision.Effects)
        {
            if (_random.Next(200) == 0 && !_calm && effect is not Noted)
            {
                // Killed between two effects: the record was written before the first.
                Restart();
                return;
            }

            switch (effect)
            {
                case FallBack fallback:
                    Must(!_policy.MustHold(_state.Outage!), "what a person stopped does not come up as something else");
                    Ask(fallback.Ticket, fallback.Attempt, isReset: false);
                    break;
                case RecreateInstance again:
                    Ask(again.Ticket, again.Attempt, isReset: false);
                    break;
                case StopInstance stop:
                    var life = _life;
                    Must(_state.Outage is { StoppedByUs: not null }, "our own stops are known as ours");
                    Schedule(TimeSpan.FromSeconds(_calm ? 1 : _random.Next(40)), () =>
                    {
                        if (_vmRuns && stop.Running.Order == _run && (_calm || _random.Next(4) > 0))
                        {
                            StopVm(OutageCause.Ours);
                        }

                        return life == _life ? new AttemptAccepted(_now, stop.Ticket, "done") : null;
                    });
                    break;
                case StartInstance start:
                    Must(_refused.Outage != _state.Outage!.Id || _refused.Run != _run || _now - _refused.At >= _policy.BackoffInitial * 0.8, "after a refusal comes a wait");
                    Must(before.Phase is not OutagePhase.Held || _state.Outage!.Released || _state.Ended > before.Ended, "what is held is not started before it ran again");
                    Must(!_policy.MustHold(_state.Outage!), "what a person stopped is not started");
                    Ask(start.Ticket, start.Attempt, isReset: false);
                    break;
                case ResetInstance reset:
                    Must(!_policy.MustHold(_state.Outage!), "what a person stopped is not reset");
                    Ask(reset.Ticket, reset.Attempt, isReset: true);
                    break;
            }
        }
    }

    private void Ask(long ticket, int attempt, bool isReset)
    {
        Must(_vmRuns || _policy.RestartWhenUserStopped || _personsStop != _run, "what a person stopped is never started");
        Must(attempt == _state.Outage!.Attempts, "the attempt is the outage's newest");
        Must(_request.Answered || _request.Ticket == 0 || _request.At + _policy.StartTimeout < _now, "one request at a time");
        _starts.Add(_now);
        Must(_starts.Count < 20 || _now - _starts[^20] > TimeSpan.FromSeconds(15), "starts never storm");
        _request = (ticket, false, _now);
        var (life, fate) = (_life, _calm ? 0 : _random.Next(8));
        Schedule(TimeSpan.FromMilliseconds(50 + _random.Next(_calm ? 1000 : 30_000)), () =>
        {
            if (fate <= 3 && (!_vmRuns || isReset))
            {
                StartVm();
            }

            if (fate is 7 || life != _life)
            {
                return null; // the answer is lost
            }

            if (_request.Ticket == ticket)
            {
                _request = _request with { Answered = true };
            }

            return fate switch
            {
                5 => new AttemptRefused(_now, ticket, Refusal.NoCapacity, "STOCKOUT"),
                6 => new AttemptRefused(_now, ticket, (Refusal)_random.Next(6), "some refusal"),
                _ => new AttemptAccepted(_now, ticket, "done"), // with a fate of 4 nothing comes of it
            };
        });
    }

    private void StartVm()
    {
        _run++;
        (_vmRuns, _vmAnswers) = (true, true);
        _answersFrom = _now + TimeSpan.FromSeconds(_random.Next(30));
        Send(Report);
    }

    private void StopVm(OutageCause cause)
    {
        if (_random.Next(2) == 0)
        {
            Send(() => new InstanceStopping(_now, new(_run), OutageCause.Unknown));
        }

        (_vmRuns, _stopCause) = (false, cause);
        Send(Report);
    }

    /// <summary>What the cloud says now, by the time it is heard. The cause may come later than the stop.</summary>
    private OutageEvent Report()
    {
        var cause = !_calm && _random.Next(3) == 0 ? OutageCause.Unknown : _stopCause;
        return _vmRuns ? new InstanceRunning(_now, new(_run), OnDemand: _run % 3 == 0) : new InstanceStopped(_now, new(_run), cause, _now, cause.ToString());
    }

    private OutageEvent? Poll()
    {
        Schedule(TimeSpan.FromSeconds(5), Poll);
        if (!_calm && _random.Next(20) == 0)
        {
            return new InstanceUnseen(_now);
        }

        Send(Report);
        return null;
    }

    private OutageEvent? Probe()
    {
        Schedule(TimeSpan.FromSeconds(1 + _random.Next(4)), Probe);
        var (begun, life) = (_now, _life);
        var passes = _vmRuns && _vmAnswers && _now >= _answersFrom && (_calm || _random.Next(20) > 0);
        Schedule(TimeSpan.FromMilliseconds(_random.Next(2000)), () => life != _life ? null : passes ? new ProbePassed(_now, begun) : new ProbeFailed(_now, begun, "connection refused"));
        return null;
    }

    /// <summary>What is said now is heard later, twice, or never, and never by another daemon.</summary>
    private void Send(Func<OutageEvent> say)
    {
        var (said, life) = (say(), _life);
        var times = _calm ? 1 : _random.Next(12) switch { 0 => 0, 1 => 2, _ => 1 };
        for (var i = 0; i < times; i++)
        {
            Schedule(TimeSpan.FromMilliseconds(_calm ? 10 : _random.Next(20_000)), () => life == _life ? said with { At = _now } : null);
        }
    }

    private void Schedule(TimeSpan delay, Func<OutageEvent?> what) => _agenda.Enqueue(what, (_now + delay, _agendaOrder++));

    private void Must(bool holds, string what)
    {
        if (!holds)
        {
            throw new InvalidOperationException($"{what}; at {_now - Start}, {_state}\n{Scenario(what)}");
        }
    }
}
