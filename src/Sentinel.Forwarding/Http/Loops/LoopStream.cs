namespace Sentinel.Forwarding.Http.Loops;

/// <summary>A <see cref="LoopSocket"/> as a stream; owns it.</summary>
internal sealed class LoopStream(LoopSocket socket) : AsyncStream
{
    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override ValueTask<int> ReadAsync(Memory<byte> target, CancellationToken cancellationToken = default) =>
        socket.ReceiveAsync(target, default, cancellationToken);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) =>
        socket.SendAsync(source, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            socket.Close();
        }

        base.Dispose(disposing);
    }
}
