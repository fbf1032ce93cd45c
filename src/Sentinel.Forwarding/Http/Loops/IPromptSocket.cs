namespace Sentinel.Forwarding.Http.Loops;

/// <summary>A connection that reads and writes at once or not at all, and says when to try again. One may read while another writes.</summary>
internal interface IPromptSocket
{
    /// <summary>Whether a read may find something: bytes, or the end.</summary>
    bool IsReadable { get; }

    /// <summary>Reads what is there.</summary>
    /// <returns>0 at the end; -1 if nothing is there: then <see cref="WaitReadableAsync"/> helps.</returns>
    /// <exception cref="IOException">The connection is broken.</exception>
    /// <exception cref="ObjectDisposedException">It was closed here.</exception>
    int TryReceive(Span<byte> target);

    /// <summary>Sends what is taken now.</summary>
    /// <returns>-1 if that is nothing: then <see cref="WaitWritableAsync"/> helps, and the same bytes come first the next time.</returns>
    /// <exception cref="IOException">The connection is broken.</exception>
    /// <exception cref="ObjectDisposedException">It was closed here.</exception>
    int TrySend(ReadOnlySpan<byte> source);

    /// <summary>Waits until <see cref="TryReceive"/> may find something; it need not.</summary>
    ValueTask WaitReadableAsync();

    /// <summary>Waits until <see cref="TrySend"/> may get on; it need not.</summary>
    ValueTask WaitWritableAsync();

    /// <summary>Has whoever waits look again, on another thread.</summary>
    void WakeReader();

    /// <summary>Has whoever waits look again, on another thread.</summary>
    void WakeWriter();
}
