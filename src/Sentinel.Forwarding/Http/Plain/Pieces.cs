using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Sentinel.Forwarding.Http.Upstreams.Http1;

namespace Sentinel.Forwarding.Http.Plain;

/// <summary>Where the body of an answer is written, piece by piece.</summary>
/// <param name="writer">Towards the client.</param>
/// <param name="isChunked">Whether each piece is to be a chunk (RFC 9112 §7.1).</param>
internal readonly struct Pieces(PipeWriter writer, bool isChunked)
{
    private const int PieceSize = 64 * 1024;

    // Eight hexadecimal digits and a line end.
    private const int LongestSize = 10;

    /// <summary>
    /// Copies a body as it comes. What has arrived with the head goes out with it, and the end with what comes last: that is for the caller to
    /// flush. Whatever is there before a wait goes out before it.
    /// </summary>
    /// <returns>Whether anything was flushed.</returns>
    /// <exception cref="Upstreams.UpstreamFailure">The answer is cut or malformed.</exception>
    /// <exception cref="IOException">The client has gone.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> CopyAsync(AnswerBody body)
    {
        CopyArrived(body);
        var isFlushed = false;
        while (!body.IsOver)
        {
            isFlushed = true;
            await FlushAsync();
            _ = await body.ReadAsync(Memory<byte>.Empty);
            await CopyStreamAsync(body);
            CopyArrived(body);
        }

        return isFlushed;
    }

    /// <exception cref="IOException">The client has gone.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask FlushAsync()
    {
        if ((await writer.FlushAsync()).IsCompleted)
        {
            throw new IOException("The client has gone.");
        }
    }

    private void CopyArrived(AnswerBody body)
    {
        while (body.TryTake(out var piece))
        {
            Write(piece);
        }
    }

    /// <summary>Something has arrived. Memory is held for as long as there is always more.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask CopyStreamAsync(AnswerBody body)
    {
        var piece = ArrayPool<byte>.Shared.Rent(PieceSize);
        var turns = new Turns();
        try
        {
            while (true)
            {
                var length = await body.ReadAsync(piece.AsMemory());
                Write(piece.AsSpan(0, length));
                if (length < piece.Length / 4 || body.IsOver)
                {
                    return;
                }

                await FlushAsync();
                if (turns.IsOver(length))
                {
                    await Task.Yield();
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    private void Write(ReadOnlySpan<byte> piece)
    {
        if (!isChunked)
        {
            writer.Write(piece);
        }
        else if (!piece.IsEmpty)
        {
            var size = writer.GetSpan(LongestSize);
            piece.Length.TryFormat(size, out var digits, "x", CultureInfo.InvariantCulture);
            "\r\n"u8.CopyTo(size[digits..]);
            writer.Advance(digits + 2);
            writer.Write(piece);
            writer.Write("\r\n"u8);
        }
    }
}
