using Sentinel.Forwarding.Http.Upstreams.Http1;

namespace Sentinel.Forwarding.Http.Plain;

/// <summary>Whoever has a request on its way through <see cref="PlainPass"/>, and gets the answer.</summary>
internal interface IAsker
{
    /// <summary>Cancelled when nobody is left to be answered.</summary>
    CancellationToken Gone { get; }

    /// <summary>Whether anything of an answer was passed on.</summary>
    bool HasBegun { get; }

    /// <summary>Passes an answer on, head and body.</summary>
    /// <exception cref="Upstreams.UpstreamFailure">The answer is cut or malformed.</exception>
    /// <exception cref="IOException">The client has gone.</exception>
    ValueTask AnswerAsync(AnswerHead head, AnswerBody body);

    /// <summary>Passes on that the backend switches to another protocol, and then bytes both ways until both sides have ended.</summary>
    /// <exception cref="Upstreams.UpstreamFailure">The backend's side broke.</exception>
    /// <exception cref="IOException">The client's side broke.</exception>
    ValueTask SwitchAsync(AnswerHead head, SwitchedStream backend);

    /// <summary>The answer was whole before the request was: tells all of it at once.</summary>
    Task CompleteAsync();

    /// <summary>Ends what was begun so that nobody takes it for whole.</summary>
    void Break();
}
