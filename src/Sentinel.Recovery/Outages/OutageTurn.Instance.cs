namespace Sentinel.Recovery.Outages;

/// <summary>What the cloud's word means.</summary>
internal sealed partial class OutageTurn
{
    /// <summary>A notice that has not come true by then was wrong: clouds give 30 s, at most two minutes.</summary>
    private static readonly TimeSpan NoticeLasts = TimeSpan.FromMinutes(3);

    /// <summary>More than <see cref="BrakeCount"/> outages in this time bring the first back-off at once, whatever is configured: what ends as soon as it starts must not be started at full speed.</summary>
    private static readonly TimeSpan Brake = TimeSpan.FromMinutes(1);

    private const int BrakeCount = 5;

    /// <summary>Bits below belong to the kinds of refusal.</summary>
    private const int HeldBit = 16;

    /// <summary>The instance runs.</summary>
    public void Running(InstanceRunning running)
    {
        if (running.Incarnation <= _state.Ended || running.Incarnation < _state.Incarnation)
        {
            return;
        }

        var isFirst = !_state.Sighted;
        var isNew = running.Incarnation > _state.Incarnation;
        var wasRunning = _state.Instance is InstanceSight.Running && !isNew;
        _state = _state with
        {
            Sighted = true,
            Instance = InstanceSight.Running,
            IsGone = false,
            Incarnation = running.Incarnation,
            Address = running.Address ?? _state.Address,
            OnDemand = running.OnDemand,
        };
        LearnPrice(running.OnDemand && policy.OnDemand is not null);
        if (wasRunning)
        {
            return;
        }

        switch (_state.Phase)
        {
            case OutagePhase.Unknown when _state.Outage is null:
                if (!HealUnprobed())
                {
                    Do(new ProbeNow());
                }

                break;
            case OutagePhase.Unknown or OutagePhase.Starting or OutagePhase.Waiting or OutagePhase.Held or OutagePhase.Stopping { ActAt: not null }:
            case OutagePhase.Stopping or OutagePhase.Noticed or OutagePhase.Verifying when isNew && !isFirst:
                Verify();
                break;
            case OutagePhase.Suspect when isNew && !_state.Healthy:
                // for how long this run has not answered is not known before it was seen
                _state = _state with { HangsSince = at };
                break;
        }
    }

    /// <summary>The instance is on its way down.</summary>
    public void Stopping(InstanceStopping stopping)
    {
        if (stopping.Incarnation <= _state.Ended || stopping.Incarnation < _state.Incarnation)
        {
            return;
        }

        _state = _state with { Sighted = true, Incarnation = stopping.Incarnation };
        if (_state.Phase is OutagePhase.Unknown or OutagePhase.Serving or OutagePhase.Suspect or OutagePhase.Noticed or OutagePhase.Verifying)
        {
            if (_state.Outage is null)
            {
                Open(stopping.Cause, OutageSource.Cloud, "it is stopping");
            }

            LearnCause(stopping.Cause);
            Note(OutageMark.Stopping, OutageSource.Cloud, Words.Of(_state.Outage!.Cause));
            Enter(new OutagePhase.Stopping(null), Words.Of(_state.Outage!.Cause));
        }
    }

    /// <summary>The instance has stopped, or is gone.</summary>
    public void Stopped(InstanceStopped stopped)
    {
        if (stopped is { IsGone: true, Incarnation.Order: 0 })
        {
            stopped = stopped with { Incarnation = _state.Incarnation };
        }

        if (!_state.Sighted && stopped.Incarnation < _state.Incarnation && _state.Ended == _state.Incarnation)
        {
            // After a restart: the run that ended last was that of another one, which is gone. What stopped this one was another stop.
            stopped = stopped with { Incarnation = _state.Incarnation, Cause = OutageCause.Unknown, StoppedAt = null };
        }

        if (stopped.Incarnation < _state.Incarnation)
        {
            return;
        }

        _state = _state with { IsGone = stopped.IsGone };
        if (stopped.Cause is OutageCause.Unknown && _state.Outage is { Cause: not (OutageCause.User or OutageCause.Deleted) } ours && ours.StoppedByUs == stopped.Incarnation)
        {
            stopped = stopped with { Cause = OutageCause.Ours };
        }

        var isNews = _state.Ended is not { } ended || stopped.Incarnation > ended;
        if (_state.Sighted && !isNews)
        {
            Reconsider(stopped);
            return;
        }

        _state = _state with
        {
            Sighted = true,
            Instance = InstanceSight.Stopped,
            Incarnation = stopped.Incarnation,
            Ended = stopped.Incarnation,
            Healthy = false,
            Passes = 0,
            Fails = 0,
            PassedAt = null,
            HangsSince = null,
            EvidenceFrom = at,
        };
        if (_state.Outage is null)
        {
            Open(stopped.Cause, OutageSource.Cloud, Words.Of(stopped.Cause));
        }

        if (isNews && _state.Outage!.Released)
        {
            // What a person let go of was another stop.
            Change(outage => outage with { Released = false, Cause = OutageCause.Unknown });
        }

        // After a restart the same stop is told anew: what is on record of a person goes before what the cloud did besides.
        if (isNews || _state.Outage!.Released || _state.Outage.Cause is not (OutageCause.User or OutageCause.Deleted))
        {
            LearnCause(stopped.Cause);
        }

        Change(outage => outage with { Ended = stopped.Incarnation, StoppedAt = outage.StoppedAt ?? stopped.StoppedAt });
        if (isNews && stopped.Cause is not OutageCause.NotStarted)
        {
            CountPreemption(stopped.Cause is OutageCause.Preempted || (stopped.Cause is OutageCause.Unknown && _state.Outage!.Cause is OutageCause.Preempted), stopped.Detail);
            Note(OutageMark.Stopped, OutageSource.Cloud, stopped.Detail);
        }

        ActOnStop(isNews, stopped.Detail);
    }

    /// <summary>The cloud cannot be asked.</summary>
    public void Unseen() => _state = _state with { Instance = InstanceSight.Unseen };

    /// <summary>The VM will be preempted.</summary>
    public void Noticed(PreemptionNoticed notice)
    {
        if (_state.Phase is not (OutagePhase.Unknown or OutagePhase.Serving or OutagePhase.Suspect or OutagePhase.Verifying) || _state.IsDown
            || _state.Outage is { Cause: OutageCause.User or OutageCause.Deleted, Released: false })
        {
            return;
        }

        if (_state.Outage is null)
        {
            Open(OutageCause.Preempted, OutageSource.Guest, notice.Detail);
        }

        LearnCause(OutageCause.Preempted);
        Note(OutageMark.Noticed, OutageSource.Guest, notice.Detail);
        Enter(new OutagePhase.Noticed(at + NoticeLasts), "will be preempted");
        Do(new Observe(Closely: true));
    }

    /// <summary>It runs again: from now on its checks decide.</summary>
    private void Verify()
    {
        _state = _state with { Healthy = false, Passes = 0, Fails = 0, PassedAt = null, HangsSince = at, EvidenceFrom = at };

        // Whoever stopped it wants it up again, or somebody else does: the next stop is judged by its own cause.
        Change(outage => outage with { RunningAt = at, NextAttempt = null, Unanswered = false, Released = outage.Released || outage.Cause is OutageCause.User or OutageCause.Deleted });
        Note(OutageMark.Running, OutageSource.Cloud, _state.Address ?? "");
        Enter(new OutagePhase.Verifying(at + policy.StartTimeout), "it runs; its checks have not passed yet");
        if (!HealUnprobed())
        {
            Do(new ProbeNow());
        }
    }

    private void ActOnStop(bool isNews, string detail)
    {
        var outage = _state.Outage!;
        if (policy.MustHold(outage))
        {
            Hold();
        }
        else if (isNews && outage.Attempts > 0)
        {
            FailAttempt(OutageMark.Failed, OutageSource.Cloud, $"it stopped again: {detail}", Refusal.Passing);
        }
        else if (outage.NextAttempt > at)
        {
            Enter(new OutagePhase.Waiting(outage.NextAttempt.Value), detail);
        }
        else if (outage.Attempts > 0 || outage.NextAttempt is not null || outage.IsQuiet || outage.Cause is OutageCause.Ours)
        {
            BeginAttempt(isReset: false);
        }
        else if (policy.FlapCount > 0 && _state.Recent.Count(begun => begun > at - policy.FlapWithin) is var count && count >= policy.FlapCount)
        {
            Note(OutageMark.Flapping, OutageSource.Sentinel, $"{count} outages within {Words.Of(policy.FlapWithin)}; a pause of {Words.Of(policy.FlapPause)}");
            Alert(OutageAlert.Flapping, outage.Cause.ToName(), $"{count} outages within {Words.Of(policy.FlapWithin)}; a pause of {Words.Of(policy.FlapPause)}");
            Wait(at + policy.FlapPause, $"{count} outages within {Words.Of(policy.FlapWithin)}");
        }
        else if (_state.Recent.Count(begun => begun > at - Brake) > BrakeCount)
        {
            Wait(at + policy.BackoffInitial, detail);
        }
        else if (policy.StartAfter > TimeSpan.Zero)
        {
            Change(stopped => stopped with { NextAttempt = at + policy.StartAfter });
            Enter(new OutagePhase.Stopping(at + policy.StartAfter), detail);
        }
        else
        {
            BeginAttempt(isReset: false);
        }
    }

    /// <summary>The same stop again: at most its cause is new.</summary>
    private void Reconsider(InstanceStopped stopped)
    {
        // What a person did may be learnt after what the cloud did, and counts more, unless they have let go since.
        var isOpen = _state.Outage is { Cause: OutageCause.Unknown or OutageCause.Unhealthy }
            || (_state.Outage is { Released: false } && stopped.Cause is OutageCause.User or OutageCause.Deleted);
        if (!isOpen || !LearnCause(stopped.Cause))
        {
            return;
        }

        CountPreemption(stopped.Cause is OutageCause.Preempted, stopped.Detail);
        Note(OutageMark.CauseFound, OutageSource.Cloud, $"{Words.Of(stopped.Cause)}: {stopped.Detail}");
        if (policy.MustHold(_state.Outage!) && _state.Phase is OutagePhase.Stopping or OutagePhase.Waiting)
        {
            Hold();
        }
    }

    /// <summary>How long it has been on demand counts from the first time since it was a spot VM.</summary>
    private void LearnPrice(bool isOnDemand)
    {
        if (!isOnDemand)
        {
            _state = _state with { OnDemandSince = null, Returns = 0, ReturnFrom = default, QuietSince = null };
        }
        else if (_state.OnDemandSince is null)
        {
            _state = _state with { OnDemandSince = at, Returns = 0, ReturnFrom = at + FirstReturn };
        }
    }

    private void CountPreemption(bool isOne, string detail)
    {
        if (isOne)
        {
            Change(outage => outage with { Preemptions = outage.Preemptions + 1, PreemptedAt = outage.StoppedAt ?? at });
            Alert(OutageAlert.Preempted, OutageCause.Preempted.ToName(), detail);
        }
    }

    private void Hold()
    {
        Change(outage => outage with { NextAttempt = null, Unanswered = false, Rung = 0 });
        var reason = _state.Outage!.Cause is OutageCause.Deleted ? "a person deleted it" : "a person stopped it";
        Note(OutageMark.Held, OutageSource.Cloud, reason);
        AlertOnce(OutageAlert.Held, _state.Outage!.Cause.ToName(), reason, HeldBit);
        Enter(new OutagePhase.Held(), reason);
    }

    /// <returns>Whether it says more than was known.</returns>
    private bool LearnCause(OutageCause cause)
    {
        if (cause is OutageCause.Unknown or OutageCause.NotStarted || _state.Outage!.Cause == cause)
        {
            return false;
        }

        Change(outage => outage with { Cause = cause });
        return true;
    }
}
