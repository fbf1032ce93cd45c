namespace Sentinel.Recovery.Outages;

/// <summary>What checks mean.</summary>
internal sealed partial class OutageTurn
{
    /// <summary>A check passed.</summary>
    public void Passed(ProbePassed probe)
    {
        if (IsWorthless(probe.BegunAt))
        {
            return;
        }

        _state = _state with { Passes = _state.Passes + 1, Fails = 0, PassedAt = _state.PassedAt ?? at, LastFailure = null };
        if (_state.Healthy)
        {
            if (_state.Phase is OutagePhase.Suspect)
            {
                Enter(new OutagePhase.Serving(), "checks pass again");
            }
        }
        else if (_state.Passes >= policy.HealthyAfter)
        {
            Heal(_state.Passes == 1 ? "a check passed" : $"{_state.Passes} checks passed");
        }
    }

    /// <summary>A check failed.</summary>
    public void Failed(ProbeFailed probe)
    {
        if (IsWorthless(probe.BegunAt))
        {
            return;
        }

        _state = _state with { Fails = _state.Fails + 1, Passes = 0, PassedAt = null, LastFailure = probe.Why };
        if (_state.Fails < policy.UnhealthyAfter)
        {
            if (_state.Phase is OutagePhase.Serving)
            {
                Enter(new OutagePhase.Suspect(), probe.Why);
            }

            return;
        }

        if (!_state.Healthy && _state.Phase is not OutagePhase.Unknown)
        {
            return;
        }

        _state = _state with { Healthy = false, HangsSince = at };
        if (_state.Phase is OutagePhase.Unknown or OutagePhase.Serving or OutagePhase.Suspect)
        {
            if (_state.Outage is null)
            {
                Open(OutageCause.Unhealthy, OutageSource.Probe, probe.Why);
            }

            Enter(new OutagePhase.Suspect(), probe.Why);
            if (policy.CanStart)
            {
                Do(new Observe());
            }
        }
    }

    /// <summary>Nobody is asked, so what is not known to be down is up.</summary>
    private bool HealUnprobed()
    {
        if (policy.Probed)
        {
            return false;
        }

        Heal(policy.CanStart ? "it runs" : "it is not checked");
        return true;
    }

    private void Heal(string reason)
    {
        _state = _state with { Healthy = true, HangsSince = null, PassedAt = _state.PassedAt ?? at };

        // What is about to stop may well pass its checks until then.
        if (_state.Phase is not (OutagePhase.Noticed or OutagePhase.Stopping { ActAt: null }))
        {
            Close(OutageMark.Closed, OutageSource.Probe, reason);
            Enter(new OutagePhase.Serving(), reason);
            _state = _state with { Drained = false };
        }
    }

    /// <summary>An answer from a VM that is known to be down came before it stopped, or from somebody else at its address.</summary>
    private bool IsWorthless(DateTimeOffset begunAt) => !policy.Probed || begunAt < _state.EvidenceFrom || _state.IsDown;
}
