using System.Buffers;
using System.IO.Pipelines;

namespace Sentinel.Forwarding.Http.Transports;

/// <summary>A client's connection as the bytes of both directions, counted. Whoever disposes of it closes it, and tells its end.</summary>
internal abstract class ClientTransport : IAbandonablePipe, IAsyncDisposable
{
    public abstract PipeReader Input { get; }

    public abstract PipeWriter Output { get; }

    /// <summary>Cancelled when the client says that it sends no more, or the connection breaks.</summary>
    public abstract CancellationToken Closed { get; }

    public abstract MemoryPool<byte> Memory { get; }

    /// <summary>Breaks it off, so that nobody takes for whole what was cut. Any thread.</summary>
    /// <param name="why">In a few words.</param>
    public abstract void Abort(string why);

    public abstract void Abandon();

    /// <summary>From here on a client that says that it sends no more has not left: <see cref="Closed"/> is cancelled only when the connection breaks.</summary>
    public virtual void OutliveInput()
    {
    }

    /// <summary>Says that nothing more comes; a transport that cannot do it without ends both directions.</summary>
    /// <exception cref="ObjectDisposedException">It was closed here.</exception>
    public abstract ValueTask EndSendingAsync();

    /// <summary>Sends what is left, closes, and returns when the end is told.</summary>
    public abstract ValueTask DisposeAsync();
}
