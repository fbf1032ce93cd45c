using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http.Upstreams;

/// <summary>
/// Why a backend gave no answer. What may be done about it depends on how far the request came, so that is the type.
/// Exceptions, because they travel through handlers that have no way for values.
/// </summary>
internal abstract class UpstreamFailure(string message, Exception? cause = null) : IOException(message, cause)
{
    /// <summary>Looks for one in what a request failed with.</summary>
    public static UpstreamFailure? Find(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            if (exception is UpstreamFailure failure)
            {
                return failure;
            }
        }

        return null;
    }
}

/// <summary>No connection could be opened: the request has not left this process.</summary>
/// <param name="outcome">Where it stopped.</param>
/// <param name="cause">Why, if that needs words.</param>
internal sealed class DialFailure(DialOutcome outcome, Exception? cause = null) : UpstreamFailure(outcome.ToName(), cause)
{
    public DialOutcome Outcome => outcome;
}

/// <summary>The connection ended before a byte of the answer: the request may have been carried out, or not.</summary>
/// <param name="wasKept">Whether it had carried an exchange before: then it may have been closed just as it was used again.</param>
internal sealed class AnswerLost(bool wasKept, Exception? cause = null) : UpstreamFailure("the connection ended before a byte of the answer", cause)
{
    public bool WasKept => wasKept;
}

/// <summary>The connection ended in the middle of the answer.</summary>
internal sealed class AnswerCut(Exception? cause = null) : UpstreamFailure("the connection ended in the middle of the answer", cause);

/// <summary>What came is no answer by RFC 9112, or larger than we take.</summary>
internal sealed class AnswerMalformed(string what) : UpstreamFailure(what);
