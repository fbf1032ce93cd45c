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
            case OutagePhase.Starting starting:
                // The cloud's last word was that it is down, which is no longer true: until the next, checks count.
                _state = _state with { Instance = InstanceSight.Unseen };
                Enter(new OutagePhase.Starting(at + policy.StartTimeout, starting.Recreates), $"{Words.Of(_state.Outage!.Cause)}; attempt {_state.Outage.Attempts} was accepted");
                Do(new Observe());
                break;
            case OutagePhase.Stopping { ActAt: null } when _state.Outage?.StoppedByUs == _state.Incarnation:
                // Should the cloud not have meant it, an attempt to start finds out.
                Enter(new OutagePhase.Stopping(at + policy.StartTimeout), _state.Reason);
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

            if (refused.Refusal is Refusal.Quota or Refusal.Permission)
            {
                AlertOnce(OutageAlert.Capacity, refused.Refusal.ToName(), refused.Detail, (int)refused.Refusal);
            }

            if (_state.Phase is OutagePhase.Stopping { ActAt: null } && _state.Outage?.StoppedByUs == _state.Incarnation)
            {
                GoOn(refused.Detail);
            }

            BeginWhatWaited();
        }
    }

    /// <summary>A request was made on the way.</summary>
    public void Called(CloudCalled called)
    {
        if (_state.Outage is not null)
        {
            Change(outage => outage with { Calls = outage.Calls + 1 });
            Note(OutageMark.Called, OutageSource.Cloud, $"{called.Method}: {called.Result} in {Words.Of(called.Took)}");
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
        var recreation = !isReset && _state.IsGone ? policy.Recreate : null;
        var fallback = isReset ? null : FallbackAt(outage.Rung);
        Note(
            isReset ? OutageMark.ResetRequested
                : fallback is not null ? OutageMark.FallbackRequested
                : recreation is not null ? OutageMark.RecreateRequested
                : OutageMark.StartRequested,
            OutageSource.Sentinel,
            fallback is null ? $"attempt {attempt}" : $"attempt {attempt}, {fallback}");
        Enter(new OutagePhase.Starting(lost, Recreates: recreation is not null || fallback is Fallback.OtherZone), $"{Words.Of(outage.Cause)}; attempt {attempt}");
        Do(isReset ? new ResetInstance(ticket, attempt, _state.Incarnation)
            : fallback is not null ? new FallBack(ticket, attempt, _state.Ended ?? default, fallback, recreation)
            : recreation is not null ? new RecreateInstance(ticket, attempt, _state.Ended ?? default, recreation)
            : new StartInstance(ticket, attempt, _state.Ended ?? default));
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
        if (refusal is Refusal.NoCapacity or Refusal.Quota or Refusal.Permission or Refusal.Misconfigured)
        {
            AlertOnce(OutageAlert.Capacity, refusal.ToName(), detail, (int)refusal);
        }

        if (policy.MustHold(outage))
        {
            Hold();
            return;
        }

        if (NextRung(outage.Rung, refusal) is { } next && _state.Instance is not InstanceSight.Running)
        {
            Change(now => now with { Rung = next, Climbed = now.Climbed + 1, Unanswered = false });
            BeginAttempt(isReset: false);
            return;
        }

        // Nothing but a person can mend these, and each attempt is a call that counts.
        var wait = refusal is Refusal.Quota or Refusal.Permission && outage.Rung == 0
            ? policy.BackoffMax
            : policy.BackoffAfter(outage.Attempts - outage.Climbed, Spread.Seed(_state.Backend.Name));
        Change(now => now with { Rung = 0 });
        Note(OutageMark.Waiting, OutageSource.Sentinel, $"attempt {outage.Attempts + 1} in {Words.Of(wait)}");
        Wait(at + wait, detail);
    }

    /// <summary>A start that found no capacity leads to the first fallback; a fallback that cannot be had for a reason of its own leads to the next.</summary>
    private int? NextRung(int rung, Refusal refusal)
    {
        if (refusal is not Refusal.NoCapacity && (rung == 0 || refusal is Refusal.Passing))
        {
            return null;
        }

        for (var next = rung + 1; next <= policy.Fallbacks.Count; next++)
        {
            var isSpent = policy.Fallbacks[next - 1] is Fallback.OnDemand { AtMost.Ticks: > 0 } onDemand && _state.OnDemandSince + onDemand.AtMost <= at;
            if (!isSpent)
            {
                return next;
            }
        }

        return null;
    }

    /// <summary>Null for the VM as it is, also where a reload took the fallback away in the middle.</summary>
    private Fallback? FallbackAt(int rung) => rung > 0 && rung <= policy.Fallbacks.Count ? policy.Fallbacks[rung - 1] : null;

    private void Wait(DateTimeOffset until, string reason)
    {
        Change(outage => outage with { NextAttempt = until, Unanswered = false });
        Enter(new OutagePhase.Waiting(until), reason);
    }
}
