using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using Sentinel.Forwarding.Http.Awaiting;
using Sentinel.Forwarding.Http.Upstreams.Http1;

namespace Sentinel.Forwarding.Http.Plain;

/// <summary>Where the body of an answer is written, piece by piece.</summary>
/// <param name="writer">Towards the client.</param>
/// <param name="isChunked">Whether each piece is to be a chunk (RFC 9112 §7.1).</param>
/// <param name="gone">Cancelled when the client has gone: Kestrel may leave a flush without an end then.</param>
internal readonly struct Pieces(PipeWriter writer, bool isChunked, CancellationToken gone)
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
    /// <exception cref="OperationCanceledException">The client has gone.</exception>
    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    public async ValueTask<bool> CopyAsync(AnswerBody body)
    {
        var turns = new Turns();
        CopyArrived(body);
        var isFlushed = false;
        while (!body.IsOver)
        {
            isFlushed = true;
            await FlushAsync();
            _ = await body.ReadAsync(Memory<byte>.Empty);
            if (turns.IsOver(await CopyStreamAsync(body) + CopyArrived(body)))
            {
                await Task.Yield();
            }
        }

        return isFlushed;
    }

    /// <summary>Writes the end of a body that is over, for the caller to flush: where there are chunks, the last of them and the fields behind it that pass.</summary>
    public void End(AnswerHead head, AnswerBody body)
    {
        if (!isChunked)
        {
            return;
        }

        Copy("0\r\n"u8);
        foreach (var (name, value) in Fields.Trailing(head, body))
        {
            Copy(Encoding.Latin1.GetBytes($"{name}: {value}\r\n"));
        }

        Copy("\r\n"u8);
    }

    /// <exception cref="IOException">The client has gone.</exception>
    /// <exception cref="OperationCanceledException">The client has gone.</exception>
    [AsyncMethodBuilder(typeof(KeepingMethodBuilder))]
    public async ValueTask FlushAsync()
    {
        if (await writer.FlushAsync(gone) is { IsCompleted: true } or { IsCanceled: true })
        {
            throw new IOException("The client has gone.");
        }
    }

    /// <returns>How many bytes.</returns>
    private int CopyArrived(AnswerBody body)
    {
        var bytes = 0;
        while (body.TryTake(out var piece))
        {
            Write(piece);
            bytes += piece.Length;
        }

        return bytes;
    }

    /// <summary>Something has arrived. Memory is held for as long as there is always more.</summary>
    /// <returns>How many bytes were copied since it last stepped aside.</returns>
    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    private async ValueTask<int> CopyStreamAsync(AnswerBody body)
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
                    return length;
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
            Copy(piece);
        }
        else if (!piece.IsEmpty)
        {
            var size = writer.GetSpan(LongestSize);
            piece.Length.TryFormat(size, out var digits, "x", CultureInfo.InvariantCulture);
            "\r\n"u8.CopyTo(size[digits..]);
            writer.Advance(digits + 2);
            Copy(piece);
            Copy("\r\n"u8);
        }
    }

    /// <summary>As .NET's extension does, but for how it asks for room: of a stream that was reset, Kestrel gives none to whoever does not say how much.</summary>
    private void Copy(ReadOnlySpan<byte> piece)
    {
        while (!piece.IsEmpty)
        {
            var room = writer.GetSpan(1);
            var length = Math.Min(room.Length, piece.Length);
            piece[..length].CopyTo(room);
            writer.Advance(length);
            piece = piece[length..];
        }
    }
}
