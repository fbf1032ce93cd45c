namespace Sentinel.Recovery.Outages;

/// <summary>Attempts to bring it back: one at a time, with growing waits, for ever.</summary>
internal sealed partial class OutageTurn
{
    /// <summary>After so much more than an attempt may take, its outcome is taken to be lost. Cloud calls end by themselves long before.</summary>
    private static readonly TimeSpan OutcomeLost = TimeSpan.FromMinutes(10);

    /// <summary>The cloud did its part.</summary>
    public void Accepted(AttemptAccepted accepted)
    {
        if (!TakeOutcome(accepted.Ticket))
        {
            return;
        }

        if (_state.Outage is not null)
        {
            Note(OutageMark.Accepted, OutageSource.Cloud, accepted.Detail);
        }

        switch (_state.Phase)
        {
            case OutagePhase.Starting when _state.Instance is InstanceSight.Running:
                Verify();
                break;
            case OutagePhase.Starting:
                // The cloud's last word was that it is down, which is no longer true: until the next, checks count.
                _state = _state with { Instance = InstanceSight.Unseen };
                Enter(new OutagePhase.Starting(at + policy.StartTimeout), $"{Words.Of(_state.Outage!.Cause)}; attempt {_state.Outage.Attempts} was accepted");
                Do(new Observe());
                break;
            case OutagePhase.Verifying:
                Enter(new OutagePhase.Verifying(at + policy.StartTimeout), _state.Reason);
                break;
            default:
                BeginWhatWaited();
                break;
        }
    }

    /// <summary>The cloud refused, or failed.</summary>
    public void Refused(AttemptRefused refused)
    {
        if (!TakeOutcome(refused.Ticket))
        {
            return;
        }

        if (_state.Phase is OutagePhase.Starting)
        {
            FailAttempt(OutageMark.Refused, OutageSource.Cloud, refused.Detail, refused.Refusal);
        }
        else
        {
            if (_state.Outage is not null)
            {
                Note(OutageMark.Refused, OutageSource.Cloud, refused.Detail);
            }

            BeginWhatWaited();
        }
    }

    private bool TakeOutcome(long ticket)
    {
        if (_state.Pending?.Ticket != ticket)
        {
            return false;
        }

        _state = _state with { Pending = null };
        Change(outage => outage with { Unanswered = false });
        return true;
    }

    /// <summary>It stopped again while a request was under way, and this was its outcome.</summary>
    private void BeginWhatWaited()
    {
        if (_state.Phase is OutagePhase.Stopping { ActAt: { } actAt } && actAt <= at)
        {
            BeginAttempt(isReset: false);
        }
    }

    private void BeginAttempt(bool isReset)
    {
        if (_state.Pending is not null)
        {
            Enter(new OutagePhase.Stopping(at), "an earlier request is still under way");
            return;
        }

        var outage = _state.Outage!;
        if (policy.MustHold(outage))
        {
            Hold();
            return;
        }

        var attempt = outage.Unanswered && outage.Attempts > 0 ? outage.Attempts : outage.Attempts + 1;
        var ticket = _state.LastTicket + 1;
        var lost = at + policy.StartTimeout + OutcomeLost;
        _state = _state with { Pending = new(ticket, lost), LastTicket = ticket, Healthy = false, Passes = 0, Fails = 0, PassedAt = null, EvidenceFrom = at };
        Change(now => now with { Attempts = attempt, Unanswered = true, NextAttempt = null, RequestedAt = now.RequestedAt ?? at });
        Note(isReset ? OutageMark.ResetRequested : OutageMark.StartRequested, OutageSource.Sentinel, $"attempt {attempt}");
        Enter(new OutagePhase.Starting(lost), $"{Words.Of(outage.Cause)}; attempt {attempt}");
        Do(isReset ? new ResetInstance(ticket, attempt, _state.Incarnation) : new StartInstance(ticket, attempt, _state.Ended ?? default));
    }

    private void FailAttempt(OutageMark what, OutageSource source, string detail, Refusal refusal)
    {
        var outage = _state.Outage!;
        if (outage.IsQuiet)
        {
            Change(quiet => quiet with { IsQuiet = false });
            Note(OutageMark.Opened, OutageSource.Sentinel, "its first start failed");
        }

        Note(what, source, detail);
        if (policy.MustHold(outage))
        {
            Hold();
            return;
        }

        // Nothing but a person can mend these, and each attempt is a call that counts.
        var wait = refusal is Refusal.Quota or Refusal.Permission ? policy.BackoffMax : policy.BackoffAfter(outage.Attempts, Spread.Seed(_state.Backend.Name));
        Note(OutageMark.Waiting, OutageSource.Sentinel, $"attempt {outage.Attempts + 1} in {Words.Of(wait)}");
        Wait(at + wait, detail);
    }

    private void Wait(DateTimeOffset until, string reason)
    {
        Change(outage => outage with { NextAttempt = until, Unanswered = false });
        Enter(new OutagePhase.Waiting(until), reason);
    }
}
