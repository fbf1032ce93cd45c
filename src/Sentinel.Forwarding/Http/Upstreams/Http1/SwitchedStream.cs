namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>A connection after 101 Switching Protocols: bytes both ways, until either side or the proxy ends it.</summary>
internal sealed class SwitchedStream(Http1Connection connection, ReadBuffer buffer, Stream stream) : AsyncStream
{
    private Turns _turns;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override async ValueTask<int> ReadAsync(Memory<byte> target, CancellationToken cancellationToken = default)
    {
        if (target.IsEmpty)
        {
            await buffer.WaitAsync(cancellationToken);
            return 0;
        }

        var length = await buffer.ReadAsync(target, cancellationToken);
        if (_turns.IsOver(length))
        {
            await Task.Yield();
        }

        return length;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) => stream.WriteAsync(source, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            connection.Abort();
        }

        base.Dispose(disposing);
    }
}
