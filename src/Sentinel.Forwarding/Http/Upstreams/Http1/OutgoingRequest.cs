namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>A request as <see cref="Http1Connection"/> sends it. Used for one exchange.</summary>
internal abstract class OutgoingRequest
{
    /// <summary>Whether its answer has no body, whatever that says.</summary>
    public abstract bool IsHead { get; }

    /// <summary>Whether the backend may switch to another protocol.</summary>
    public abstract bool MayUpgrade { get; }

    /// <summary>How its body is framed.</summary>
    public abstract Framing Framing { get; }

    /// <summary>Bytes of its body, for <see cref="Framing.Length"/>.</summary>
    public abstract long Length { get; }

    /// <summary>Whether its client sends the body only when it is told to (RFC 9110 §10.1.1).</summary>
    public abstract bool AwaitsContinue { get; }

    /// <summary>Its head up to the empty line.</summary>
    /// <param name="writer">For whoever has none written yet.</param>
    public virtual ReadOnlyMemory<byte> Head(HeadWriter writer)
    {
        WriteHead(writer);
        return writer.Written;
    }

    /// <summary>Writes its head up to the empty line.</summary>
    protected abstract void WriteHead(HeadWriter target);

    /// <summary>An interim answer has come (RFC 9110 §15.2), and not the last word. Who has no way to tell its client drops it.</summary>
    /// <param name="interim">Valid until this is over.</param>
    public virtual ValueTask TellAsync(AnswerHead interim) => ValueTask.CompletedTask;

    /// <summary>Copies its body, piece by piece as it comes. What it throws is the client's fault, unless <paramref name="stop"/> is cancelled.</summary>
    public abstract Task CopyBodyAsync(RequestBody target, CancellationToken stop);

    /// <summary>Writes the fields behind its body, for <see cref="Framing.Chunked"/>, once all of that is copied. What it throws is the client's fault.</summary>
    public virtual void WriteTrailers(HeadWriter target)
    {
    }
}
