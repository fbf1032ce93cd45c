using System.Buffers;
using System.Globalization;

namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>
/// Where the body of a request is written: frames it and passes it on at once. That the backend takes no more is not the
/// client's fault, and often no fault at all, since it may have answered already: then the copying is cancelled, and what
/// there is of an answer still counts.
/// </summary>
/// <param name="stop">Cancelled when the backend takes no more; the copying runs under its token.</param>
internal sealed class RequestBody(Stream stream, Framing framing, long length, CancellationTokenSource stop) : AsyncStream
{
    // The hexadecimal length of a chunk and two line ends.
    private const int ChunkFrame = 12;
    private const int LargestChunk = 64 * 1024;

    private long _left = length;

    public override bool CanWrite => true;

    /// <summary>The client's body is whole: says so.</summary>
    /// <param name="request">Whose body; has the fields behind it.</param>
    /// <param name="writer">In use for nothing else.</param>
    /// <exception cref="IOException">It is not as long as the head said.</exception>
    public async ValueTask FinishAsync(OutgoingRequest request, HeadWriter writer, CancellationToken cancellationToken)
    {
        if (framing == Framing.Chunked)
        {
            try
            {
                writer.Start("0"u8);
                request.WriteTrailers(writer);
                writer.End();
                await PassAsync(writer.Written, cancellationToken);
            }
            finally
            {
                writer.Release();
            }
        }
        else if (_left != 0)
        {
            throw new IOException($"{_left} bytes are missing in the body of the request");
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (framing != Framing.Chunked)
        {
            _left -= buffer.Length;
            if (_left < 0)
            {
                throw new IOException("the body of the request is longer than its head says");
            }

            await PassAsync(buffer, cancellationToken);
            return;
        }

        while (!buffer.IsEmpty)
        {
            var piece = buffer[..Math.Min(buffer.Length, LargestChunk)];
            buffer = buffer[piece.Length..];
            await WriteChunkAsync(piece, cancellationToken);
        }
    }

    /// <summary>Nothing is kept back. A copying that was given up before it began ends here, before it touches the client's body.</summary>
    public override Task FlushAsync(CancellationToken cancellationToken)
    {
        stop.Token.ThrowIfCancellationRequested();
        return Task.CompletedTask;
    }

    private async ValueTask WriteChunkAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellationToken)
    {
        // copied, so that a chunk is one packet and one call
        var chunk = ArrayPool<byte>.Shared.Rent(piece.Length + ChunkFrame);
        try
        {
            piece.Length.TryFormat(chunk, out var at, "x", CultureInfo.InvariantCulture);
            "\r\n"u8.CopyTo(chunk.AsSpan(at));
            piece.CopyTo(chunk.AsMemory(at + 2));
            "\r\n"u8.CopyTo(chunk.AsSpan(at + 2 + piece.Length));
            await PassAsync(chunk.AsMemory(0, at + 4 + piece.Length), cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    private async ValueTask PassAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            await stream.WriteAsync(bytes, cancellationToken);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            await stop.CancelAsync();
            throw new OperationCanceledException("The backend takes no more of the body.", e, stop.Token);
        }
    }
}
