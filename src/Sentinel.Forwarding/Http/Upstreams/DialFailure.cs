using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http.Upstreams;

/// <summary>
/// A connection to a backend could not be opened. Whatever request was waiting for it has not left this process, which
/// is what makes it safe to send elsewhere. Thrown through <see cref="SocketsHttpHandler"/>, which has no way for values.
/// </summary>
internal sealed class DialFailure(DialOutcome outcome) : IOException(outcome.ToName())
{
    public DialOutcome Outcome => outcome;

    /// <summary>Looks for one in what a request failed with.</summary>
    public static DialFailure? Find(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            if (exception is DialFailure failure)
            {
                return failure;
            }
        }

        return null;
    }
}
