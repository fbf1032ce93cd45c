using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Sentinel.Forwarding.Http.Answers;

/// <summary>The answers of our own that are not about an outage.</summary>
internal static class Refusals
{
    /// <summary>The backend took the request and went away before it answered.</summary>
    public static readonly Answer WentAway = new()
    {
        Status = StatusCodes.Status502BadGateway,
        Title = "No answer",
        Paragraphs = ["The server took this request and went away before it answered. It may or may not have been carried out."],
    };

    /// <summary>The backend took the request and did not answer in time.</summary>
    public static readonly Answer NoAnswer = WentAway with
    {
        Status = StatusCodes.Status504GatewayTimeout,
        Paragraphs = ["The server took this request and did not answer in time. It may or may not have been carried out."],
    };

    /// <summary>The backend answered something that is not HTTP.</summary>
    public static readonly Answer Garbled = WentAway with
    {
        Paragraphs = ["The server took this request and its answer could not be understood. It may or may not have been carried out."],
    };

    /// <summary>More body than the listener allows.</summary>
    public static readonly Answer TooLarge = new()
    {
        Status = StatusCodes.Status413PayloadTooLarge,
        Title = "Too large",
        Paragraphs = ["This request is larger than this address accepts."],
    };

    /// <summary>CONNECT to somewhere else: this is no open proxy.</summary>
    public static readonly Answer Tunnel = new()
    {
        Status = StatusCodes.Status405MethodNotAllowed,
        Title = "Not a forward proxy",
        Paragraphs = ["This address does not open connections to others."],
    };

    /// <summary>A fault of ours.</summary>
    public static readonly Answer Fault = new()
    {
        Status = StatusCodes.Status500InternalServerError,
        Title = "Something went wrong",
        Paragraphs = ["This request could not be passed on, for a reason that lies with neither you nor the server behind this address."],
    };

    /// <summary>A request that is itself at fault.</summary>
    public static Answer For(int status) => status == StatusCodes.Status413PayloadTooLarge ? TooLarge : new()
    {
        Status = status,
        Title = ReasonPhrases.GetReasonPhrase(status),
        Paragraphs = ["This request could not be understood."],
    };
}
