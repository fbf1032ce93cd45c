using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Probing;

/// <summary>Finds out whether one way works, and if it does not, what would.</summary>
/// <param name="knock">Connects.</param>
internal abstract class Trial(Knock knock)
{
    protected Knock Knock => knock;

    protected ListenerSettings Settings => knock.Way.Listener;

    public abstract Task<ProbeFinding> RunAsync(CancellationToken cancellationToken);

    protected ProbeFinding Good(string text) => Finding(ProbeVerdict.Good, text);

    protected ProbeFinding Wrong(string text) => Finding(ProbeVerdict.Wrong, text);

    protected ProbeFinding Unreached(DialOutcome outcome) => Wrong(outcome switch
    {
        DialOutcome.Refused => "nobody listens there; start the service on the backend, or mend port",
        DialOutcome.TimedOut => "no answer within connectTimeout; see whether the backend runs and its firewall lets this machine through",
        DialOutcome.Unresolved => "the backend's name has no address; mend address",
        DialOutcome.Unreachable => "the network knows no way there; mend address, or the routes of this machine",
        _ => $"it could not be dialled from this machine ({outcome.ToName()})",
    });

    /// <summary>The listener's key as it would have to be.</summary>
    protected static string Key(ProxyProtocol form) => form == ProxyProtocol.V1 ? "\"proxyProtocol\": \"v1\"" : "\"proxyProtocol\": \"v2\"";

    private ProbeFinding Finding(ProbeVerdict verdict, string text) => new(Settings.Name, knock.Way.Backend, knock.Way.Place, verdict, text);
}
