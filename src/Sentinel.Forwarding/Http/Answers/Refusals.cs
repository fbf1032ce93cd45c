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

    /// <summary>As many requests are under way as the listener has connections to give.</summary>
    public static readonly Answer Busy = new()
    {
        Status = StatusCodes.Status503ServiceUnavailable,
        Title = "Busy",
        Paragraphs = ["More requests are under way than this address can carry. Trying again in a moment will work."],
        RetryAfter = TimeSpan.FromSeconds(1),
    };

    /// <summary>More requests than a client may make.</summary>
    /// <param name="wait">Until the next one may pass.</param>
    public static Answer TooMany(TimeSpan wait) => new()
    {
        Status = StatusCodes.Status429TooManyRequests,
        Title = "Too many requests",
        Paragraphs = ["More requests came from your address than this one takes from anybody. Trying again in a moment will work."],
        RetryAfter = wait,
    };

    /// <summary>CONNECT to somewhere else: this is no open proxy.</summary>
    public static readonly Answer Tunnel = new()
    {
        Status = StatusCodes.Status405MethodNotAllowed,
        Title = "Not a forward proxy",
        Paragraphs = ["This address does not open connections to others."],
    };

    /// <summary>CONNECT to speak something in place of HTTP that is not passed on (RFC 9220 §3).</summary>
    public static readonly Answer UnknownProtocol = new()
    {
        Status = StatusCodes.Status501NotImplemented,
        Title = "Not a protocol of this address",
        Paragraphs = ["Of what may be spoken over HTTP/2 in place of HTTP, this address passes on WebSockets alone."],
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
