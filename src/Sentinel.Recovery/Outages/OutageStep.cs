using Sentinel.Backends;

namespace Sentinel.Recovery.Outages;

/// <summary>
/// The decision: what an event means for a backend. No clock, no I/O, nothing random, so that an outage can be replayed
/// and a million of them run in seconds. Late or repeated news changes nothing.
/// </summary>
internal static class OutageStep
{
    /// <summary>Nobody connected for so long is a quiet moment.</summary>
    internal static readonly TimeSpan QuietFor = TimeSpan.FromMinutes(2);

    /// <summary>What is known when the daemon starts, or when a backend is added.</summary>
    /// <param name="open">The outage that was on when the daemon ended; it goes on under its name, with its attempts and its wait.</param>
    /// <param name="draining">Whether it was drained.</param>
    /// <param name="recent">When earlier outages began, oldest first.</param>
    public static Decision Begin(
        BackendId backend, DateTimeOffset at, Outage? open = null, bool draining = false, IReadOnlyList<DateTimeOffset>? recent = null)
    {
        var turn = new OutageTurn(
            new OutageState
            {
                Backend = backend,
                Since = at,
                Outage = open,
                Ended = open?.Ended,
                Incarnation = open?.Ended ?? default,
                Draining = draining,
                Recent = [.. recent ?? []],
                LastNamed = recent is { Count: > 0 } ? recent[^1] : default,
            },
            at,
            new OutagePolicy());
        if (open is not null)
        {
            turn.Note(OutageMark.Resumed, OutageSource.Sentinel, $"the daemon was restarted; attempts so far: {open.Attempts}");
        }

        return turn.Decide();
    }

    /// <summary>Applies one event.</summary>
    public static Decision Apply(OutageState state, OutageEvent e, OutagePolicy policy)
    {
        var turn = new OutageTurn(state, e.At, policy);
        switch (e)
        {
            case Ticked ticked:
                turn.Tick(ticked.Connections);
                break;
            case ProbePassed passed:
                turn.Passed(passed);
                break;
            case ProbeFailed failed:
                turn.Failed(failed);
                break;
            case InstanceRunning running:
                turn.Running(running);
                break;
            case InstanceStopping stopping:
                turn.Stopping(stopping);
                break;
            case InstanceStopped stopped:
                turn.Stopped(stopped);
                break;
            case InstanceUnseen:
                turn.Unseen();
                break;
            case PreemptionNoticed noticed:
                turn.Noticed(noticed);
                break;
            case AttemptAccepted accepted:
                turn.Accepted(accepted);
                break;
            case AttemptRefused refused:
                turn.Refused(refused);
                break;
            case CloudCalled called:
                turn.Called(called);
                break;
            case OperatorAsked asked:
                turn.Asked(asked.Request);
                break;
            case ClockStepped stepped:
                turn.Shift(stepped.By);
                break;
            case Removed:
                turn.Remove();
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(e), e, null);
        }

        return turn.Decide();
    }

    /// <summary>When the next <see cref="Ticked"/> will matter; null if only other events can.</summary>
    public static DateTimeOffset? NextDue(OutageState state, OutagePolicy policy)
    {
        var due = state.Phase switch
        {
            OutagePhase.Noticed noticed => noticed.Until,
            OutagePhase.Stopping { ActAt: { } actAt } when state.Pending is null => actAt,
            OutagePhase.Starting starting => starting.Deadline,
            OutagePhase.Verifying verifying => verifying.Deadline,
            OutagePhase.Waiting waiting => waiting.Until,
            _ when HealsUnasked(state, policy) => state.Since,
            _ => (DateTimeOffset?)null,
        };
        return Earliest(Earliest(Earliest(due, ReturnAt(state, policy)), state.Pending?.Until), Earliest(HungAt(state, policy), SlowAt(state, policy)));
    }

    /// <summary>Whether it is up because nothing speaks against it: nobody checks it, and it runs or has no instance.</summary>
    internal static bool HealsUnasked(OutageState state, OutagePolicy policy) =>
        !policy.Probed
        && state is { Healthy: false, Phase: OutagePhase.Unknown or OutagePhase.Suspect or OutagePhase.Verifying }
        && (state.Instance is InstanceSight.Running || !policy.CanStart);

    /// <summary>When a backend that runs and does not answer is to be reset; null: never, or not now.</summary>
    internal static DateTimeOffset? HungAt(OutageState state, OutagePolicy policy) =>
        policy is { CanStart: true } && policy.HungAfter > TimeSpan.Zero
        && state is { Instance: InstanceSight.Running, Healthy: false, Pending: null, Phase: OutagePhase.Suspect or OutagePhase.Verifying }
            ? state.HangsSince + policy.HungAfter
            : null;

    /// <summary>When what runs on demand goes back to spot: at a quiet moment, or when its time is over; null: never, or not now.</summary>
    internal static DateTimeOffset? ReturnAt(OutageState state, OutagePolicy policy)
    {
        if (state is not { OnDemandSince: { } since, Phase: OutagePhase.Serving, Pending: null } || policy.OnDemand is not { } onDemand)
        {
            return null;
        }

        var quiet = state.QuietSince + QuietFor is { } soon ? (soon > state.ReturnFrom ? soon : state.ReturnFrom) : (DateTimeOffset?)null;
        var last = onDemand.AtMost > TimeSpan.Zero ? since + onDemand.AtMost : (DateTimeOffset?)null;
        return Earliest(quiet, last < state.ReturnFrom && state.Returns > 0 ? state.ReturnFrom : last);
    }

    /// <summary>When the outage is to be reported as slow; null: never, or it was.</summary>
    internal static DateTimeOffset? SlowAt(OutageState state, OutagePolicy policy) =>
        policy.SlowAfter > TimeSpan.Zero && state is { Outage: { SlowTold: false, IsQuiet: false } outage } && !policy.MustHold(outage)
            ? outage.OpenedAt + policy.SlowAfter
            : null;

    private static DateTimeOffset? Earliest(DateTimeOffset? one, DateTimeOffset? other) => one is null || other < one ? other ?? one : one;
}
