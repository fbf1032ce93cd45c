namespace Sentinel.Recovery.Outages;

/// <summary>What people ask for, and why it may make no sense now.</summary>
internal sealed partial class OutageTurn
{
    /// <summary>A person asks.</summary>
    public void Asked(OperatorRequest request) => _refusal = request switch
    {
        OperatorRequest.Recover => Recover(),
        OperatorRequest.Drain => Drain(),
        OperatorRequest.Resume => Resume(),
        OperatorRequest.Release => Release(),
        OperatorRequest.Drill => Drill(),
        _ => throw new ArgumentOutOfRangeException(nameof(request), request, null),
    };

    private string? Recover()
    {
        var refusal = !policy.CanStart ? "it has no instance to start: it is only watched"
            : _state.IsServing ? (_state.Draining ? "it is drained: resume it instead" : "it is serving")
            : _state.Pending is not null ? "a request to its cloud is under way"
            : _state.Phase switch
            {
                OutagePhase.Unknown => "nothing is known of it yet",
                OutagePhase.Noticed or OutagePhase.Stopping { ActAt: null } => "it has not stopped yet; it will be brought back when it has",
                OutagePhase.Starting => $"attempt {_state.Outage?.Attempts} is under way",
                OutagePhase.Verifying => "it runs and is being checked",
                OutagePhase.Held => "a person stopped it: release it instead",
                _ => null,
            };
        if (refusal is null)
        {
            Note(OutageMark.Asked, OutageSource.Operator, "recover now");
            BeginAttempt(isReset: _state.Instance is InstanceSight.Running);
        }

        return refusal;
    }

    private string? Drain()
    {
        if (_state.Draining)
        {
            return "it is drained already";
        }

        _state = _state with { Draining = true, Drained = false, Reason = _state.IsServing ? "an operator drains it" : _state.Reason };
        return null;
    }

    private string? Resume()
    {
        if (!_state.Draining)
        {
            return "it is not drained";
        }

        _state = _state with { Draining = false, Drained = false, Reason = _state.IsServing ? "an operator resumed it" : _state.Reason };
        return null;
    }

    private string? Drill()
    {
        var refusal = !policy.CanStart ? "it has no instance to stop: it is only watched"
            : _state.Phase is not OutagePhase.Serving ? "it is not serving"
            : _state.Pending is not null ? "a request to its cloud is under way"
            : _state.Instance is not InstanceSight.Running ? "its cloud does not say that it runs"
            : null;
        if (refusal is null)
        {
            StopIt(OutageSource.Operator, "a drill");
        }

        return refusal;
    }

    private string? Release()
    {
        if (_state.Phase is not OutagePhase.Held)
        {
            return "it is not held";
        }

        Change(outage => outage with { Released = true });
        Note(OutageMark.Released, OutageSource.Operator, "an operator let go of it");
        BeginAttempt(isReset: false);
        return null;
    }
}
