using Microsoft.AspNetCore.Http;
using Sentinel.Forwarding.Http.Answers;
using Sentinel.Forwarding.Http.Upstreams;
using Sentinel.Forwarding.Relay;
using Yarp.ReverseProxy.Forwarder;

namespace Sentinel.Forwarding.Http;

/// <summary>Why a request that may have reached its backend has no whole answer.</summary>
/// <param name="Reason">For the log.</param>
/// <param name="End">What the connection's end is called if it ends with this.</param>
/// <param name="IsBackends">Whether the backend failed it, not the client.</param>
/// <param name="Answer">For the client, if nothing was sent to it yet.</param>
internal sealed record Failure(string Reason, ConnectionEnd End, bool IsBackends, Answer Answer)
{
    /// <summary>Clients come and go; that is not worth a line.</summary>
    public bool IsWorthTelling => IsBackends || End == ConnectionEnd.Failed;

    /// <param name="error">What YARP makes of it.</param>
    /// <param name="cause">What it was.</param>
    /// <param name="isDown">Whether it was cut because the backend was declared down.</param>
    public static Failure Of(ForwarderError error, Exception? cause, bool isDown)
    {
        var upstream = UpstreamFailure.Find(cause);
        var reason = upstream?.Message ?? cause?.GetBaseException().Message ?? "no reason given";
        return error switch
        {
            _ when isDown => new("the backend was declared down", ConnectionEnd.BackendDown, IsBackends: true, Refusals.WentAway),
            ForwarderError.RequestBodyClient when Bad(cause) is { } bad => new(reason, ConnectionEnd.Completed, IsBackends: false, Refusals.For(bad.StatusCode)),
            ForwarderError.RequestBodyClient or ForwarderError.RequestBodyCanceled or ForwarderError.RequestCanceled
                or ForwarderError.ResponseBodyClient or ForwarderError.ResponseBodyCanceled
                or ForwarderError.UpgradeRequestClient or ForwarderError.UpgradeResponseClient
                or ForwarderError.UpgradeRequestCanceled or ForwarderError.UpgradeResponseCanceled
                => new(reason, ConnectionEnd.ClientReset, IsBackends: false, Refusals.For(StatusCodes.Status400BadRequest)),
            _ when upstream is AnswerMalformed => new(reason, ConnectionEnd.BackendReset, IsBackends: true, Refusals.Garbled),
            ForwarderError.RequestCreation => new(reason, ConnectionEnd.Failed, IsBackends: false, Refusals.Fault),
            ForwarderError.RequestTimedOut => new(reason, ConnectionEnd.BackendReset, IsBackends: true, Refusals.NoAnswer),
            _ => new(reason, ConnectionEnd.BackendReset, IsBackends: true, Refusals.WentAway),
        };
    }

    private static BadHttpRequestException? Bad(Exception? cause) => cause switch
    {
        null => null,
        BadHttpRequestException bad => bad,
        AggregateException several => several.InnerExceptions.Select(Bad).FirstOrDefault(found => found is not null),
        _ => Bad(cause.InnerException),
    };
}
