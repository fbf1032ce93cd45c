using System.Globalization;
using System.Text;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Tests.Outages;

/// <summary>Writes down what happened in the words that <see cref="Transcript"/> reads.</summary>
internal static class ScenarioText
{
    /// <summary>A scenario of these events; what must follow from them is left to the replay.</summary>
    /// <param name="events">With the moment of each; null: the daemon died and came back.</param>
    public static string Of(string title, OutagePolicy policy, IEnumerable<(DateTimeOffset At, OutageEvent? What)> events)
    {
        var text = new StringBuilder().Append("# ").Append(title).Append('\n').Append(Of(policy)).Append('\n');
        foreach (var (at, what) in events)
        {
            text.Append("> ").Append(Moment(at)).Append(' ').Append(what is null ? "restart" : Of(what)).Append('\n');
        }

        return text.ToString();
    }

    private static string Of(OutagePolicy policy) =>
        $"policy canStart={policy.CanStart} probed={policy.Probed} healthyAfter={policy.HealthyAfter} unhealthyAfter={policy.UnhealthyAfter} startAfter={Span(policy.StartAfter)} startTimeout={Span(policy.StartTimeout)}"
        + $" restartWhenUserStopped={policy.RestartWhenUserStopped} hungAfter={Span(policy.HungAfter)} flapCount={policy.FlapCount}"
        + (policy.Recreate is { } recreate ? $" recreate={recreate.Template}" : "")
        + (policy.Fallbacks.Count > 0 ? $" fallbacks={string.Join(',', policy.Fallbacks.Select(Of))}" : "");

    private static string Of(Fallback fallback) => fallback switch
    {
        Fallback.OtherMachine machine => $"machine:{machine.MachineType}",
        Fallback.OtherZone zone => $"{(zone.FromSnapshot ? "snapshot" : "zone")}:{zone.Zone}",
        Fallback.OnDemand onDemand => $"onDemand:{Span(onDemand.AtMost)}",
        _ => throw new ArgumentOutOfRangeException(nameof(fallback), fallback, null),
    };

    private static string Of(OutageEvent what) => what switch
    {
        Ticked tick => $"connections {tick.Connections}",
        ProbePassed pass => $"pass begun={Moment(pass.BegunAt)}",
        ProbeFailed fail => $"fail begun={Moment(fail.BegunAt)} {fail.Why}",
        InstanceRunning running => $"running {running.Incarnation.Order}{(running.Address is null ? "" : " " + running.Address)}{(running.OnDemand ? " onDemand" : "")}",
        InstanceStopping stopping => $"stopping {stopping.Incarnation.Order} {stopping.Cause}",
        InstanceStopped { IsGone: true } gone => $"gone {gone.Incarnation.Order} {gone.Cause}",
        InstanceStopped stopped => $"stopped {stopped.Incarnation.Order} {stopped.Cause}{(stopped.StoppedAt is { } at ? $" at={Moment(at)}" : "")} {stopped.Detail}",
        InstanceUnseen => "unseen",
        PreemptionNoticed notice => $"notice {notice.Detail}",
        AttemptAccepted accepted => $"accepted {accepted.Ticket}",
        AttemptRefused refused => $"refused {refused.Refusal} ticket={refused.Ticket} {refused.Detail}",
        OperatorAsked asked => $"ask {asked.Request}",
        Removed => "removed",
        _ => throw new ArgumentOutOfRangeException(nameof(what), what, null),
    };

    private static string Moment(DateTimeOffset at) => Span(at - Transcript.Start);

    private static string Span(TimeSpan span) => span.TotalSeconds.ToString("0.#######", CultureInfo.InvariantCulture) + "s";
}
