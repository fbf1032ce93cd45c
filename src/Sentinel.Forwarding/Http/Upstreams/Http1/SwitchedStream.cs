using System.Net.Sockets;

namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>A connection after 101 Switching Protocols: bytes both ways, until either side or the proxy ends it.</summary>
internal sealed class SwitchedStream(Http1Connection connection, ReadBuffer buffer, Stream stream) : AsyncStream
{
    private Turns _turns;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    /// <exception cref="UpstreamFailure">The connection broke.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> target, CancellationToken cancellationToken = default)
    {
        try
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
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            throw new AnswerCut(e);
        }
    }

    /// <exception cref="UpstreamFailure">The connection broke.</exception>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        try
        {
            await stream.WriteAsync(source, cancellationToken);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            throw new AnswerCut(e);
        }
    }

    /// <summary>Tells the backend that nothing more comes. If it has gone already, whoever reads finds out.</summary>
    public async ValueTask EndSendingAsync()
    {
        try
        {
            await connection.EndSendingAsync();
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            connection.Abort();
        }

        base.Dispose(disposing);
    }
}
