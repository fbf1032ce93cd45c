namespace Sentinel.Recovery.Outages;

/// <summary>What the passing of time means.</summary>
internal sealed partial class OutageTurn
{
    /// <summary>Time has passed.</summary>
    public void Tick(int connections)
    {
        if (_state is { Draining: true, Drained: false, IsServing: true } && connections == 0)
        {
            _state = _state with { Drained = true, Reason = "drained" };
        }

        var isLost = _state.Pending?.Until <= at;
        if (isLost)
        {
            _state = _state with { Pending = null };
        }

        switch (_state.Phase)
        {
            case OutagePhase.Stopping { ActAt: null } when isLost && _state.Outage?.StoppedByUs == _state.Incarnation:
                GoOn("its cloud never answered");
                break;
            case OutagePhase.Starting starting when starting.Deadline <= at:
                FailAttempt(
                    OutageMark.TimedOut, OutageSource.Sentinel, isLost ? "its cloud never answered" : $"it was not seen running within {Words.Of(policy.StartTimeout)}", Refusal.Passing);
                break;
            case OutagePhase.Verifying verifying when verifying.Deadline <= at:
                FailAttempt(
                    OutageMark.TimedOut, OutageSource.Sentinel, $"not healthy within {Words.Of(policy.StartTimeout)}: {_state.LastFailure ?? "no check"}", Refusal.Passing);
                break;
            case OutagePhase.Waiting waiting when waiting.Until <= at:
                BeginAttempt(isReset: policy.HungAfter > TimeSpan.Zero && _state.Instance is InstanceSight.Running && _state.HangsSince + policy.HungAfter <= at);
                break;
            case OutagePhase.Stopping { ActAt: { } actAt } when actAt <= at && _state.Pending is null:
                BeginAttempt(isReset: false);
                break;
            case OutagePhase.Noticed noticed when noticed.Until <= at:
                LetNoticeLapse();
                break;
        }

        if (OutageStep.HealsUnasked(_state, policy))
        {
            HealUnprobed();
        }

        if (OutageStep.HungAt(_state, policy) <= at)
        {
            Note(OutageMark.Hung, OutageSource.Sentinel, $"it runs and has not answered for {Words.Of(policy.HungAfter)}: {_state.LastFailure ?? "no check"}");
            BeginAttempt(isReset: true);
        }

        _state = _state with { QuietSince = _state is { OnDemandSince: not null, Phase: OutagePhase.Serving } && connections == 0 ? _state.QuietSince ?? at : null };
        if (OutageStep.ReturnAt(_state, policy) <= at)
        {
            ReturnToSpot();
        }

        if (OutageStep.SlowAt(_state, policy) <= at)
        {
            Change(outage => outage with { SlowTold = true });
            Note(OutageMark.Slow, OutageSource.Sentinel, $"it lasts longer than {Words.Of(policy.SlowAfter)}");
            Alert(OutageAlert.Slow, _state.Outage!.Cause.ToName(), $"it lasts longer than {Words.Of(policy.SlowAfter)}: {_state.Reason}");
        }
    }

    private void LetNoticeLapse()
    {
        Note(OutageMark.NoticeLapsed, OutageSource.Sentinel, $"it still runs {Words.Of(NoticeLasts)} after the notice");
        Change(outage => outage with { Cause = OutageCause.Unknown });
        if (_state.Healthy)
        {
            Close(OutageMark.Closed, OutageSource.Probe, "it was not preempted");
            Enter(new OutagePhase.Serving(), "it was not preempted");
        }
        else
        {
            _state = _state with { HangsSince = _state.HangsSince ?? at };
            Enter(new OutagePhase.Suspect(), _state.LastFailure ?? "its checks have not passed yet");
        }
    }
}
