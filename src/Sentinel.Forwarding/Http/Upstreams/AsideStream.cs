namespace Sentinel.Forwarding.Http.Upstreams;

/// <summary>
/// A stream whose reader and writer go on aside, on the thread pool, and not on the thread that waits for sockets: for a handshake, in which a backend decides
/// how much there is to compute. Owns the stream below.
/// </summary>
internal sealed class AsideStream(Stream inner) : AsyncStream
{
    private volatile bool _isOver;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    /// <summary>From now on all goes on wherever the stream below has it go on.</summary>
    public void End() => _isOver = true;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _isOver ? inner.ReadAsync(buffer, cancellationToken) : ReadAsideAsync(buffer, cancellationToken);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        _isOver ? inner.WriteAsync(buffer, cancellationToken) : WriteAsideAsync(buffer, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private async ValueTask<int> ReadAsideAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await inner.ReadAsync(buffer, cancellationToken);
        }
        finally
        {
            await Task.Yield();
        }
    }

    private async ValueTask WriteAsideAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            await inner.WriteAsync(buffer, cancellationToken);
        }
        finally
        {
            await Task.Yield();
        }
    }
}
