namespace Sentinel.Recovery.Outages;

/// <summary>Stops of our own: a drill, and the way back from on demand to spot.</summary>
internal sealed partial class OutageTurn
{
    /// <summary>On demand it may stay for so long before the first look whether spot is to be had: a shortage is rarely over sooner.</summary>
    private static readonly TimeSpan FirstReturn = TimeSpan.FromMinutes(30);

    /// <summary>Each return that fails costs users a moment: the pause between two doubles up to this.</summary>
    private static readonly TimeSpan LastReturn = TimeSpan.FromHours(4);

    private void ReturnToSpot()
    {
        var returns = _state.Returns + 1;
        var pause = FirstReturn * Math.Pow(2, Math.Min(returns, 10));
        _state = _state with { Returns = returns, ReturnFrom = at + (pause < LastReturn ? pause : LastReturn), QuietSince = null };
        StopIt(OutageSource.Sentinel, "back from on demand to spot");
    }

    private void StopIt(OutageSource source, string why)
    {
        Open(OutageCause.Ours, source, why);
        var ticket = _state.LastTicket + 1;
        var running = _state.Incarnation;
        _state = _state with { Pending = new(ticket, at + policy.StartTimeout + OutcomeLost), LastTicket = ticket };
        Change(outage => outage with { StoppedByUs = running });
        Note(OutageMark.StopRequested, source, why);
        Enter(new OutagePhase.Stopping(null), why);
        Do(new StopInstance(ticket, running));
    }

    /// <summary>It was not stopped after all.</summary>
    private void GoOn(string why)
    {
        if (_state.Healthy)
        {
            Close(OutageMark.Closed, OutageSource.Cloud, $"it was not stopped: {why}");
            Enter(new OutagePhase.Serving(), "it was not stopped");
        }
        else
        {
            _state = _state with { HangsSince = _state.HangsSince ?? at };
            Enter(new OutagePhase.Suspect(), _state.LastFailure ?? "its checks have not passed yet");
        }
    }
}
