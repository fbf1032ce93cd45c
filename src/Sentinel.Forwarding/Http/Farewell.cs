using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Sentinel.Forwarding.Http;

/// <summary>
/// How long a client is heard out who has its answer and goes on sending, such as an upload that was too large, from one who looks for an answer when all is
/// sent: a connection that is closed on it answers with a reset, which takes the answer away again.
/// </summary>
internal static class Farewell
{
    /// <summary>How many bytes are read away at most.</summary>
    public const long Most = 64 * 1024 * 1024;

    private const int PieceSize = 16 * 1024;

    /// <summary>How long it may be silent.</summary>
    public static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(5);

    /// <summary>How long it may take in all.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>Reads and forgets what is left of a request's body, once its answer is out. Kestrel would do so for five seconds in all, and then break off.</summary>
    public static async Task HearOutAsync(HttpContext context, TimeProvider time)
    {
        using var silence = new CancellationTokenSource(LongestSilence, time);
        using var enough = new CancellationTokenSource(Longest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, enough.Token, context.RequestAborted);
        var turns = new Turns();
        try
        {
            await context.Response.CompleteAsync();
            for (var total = 0L; total < Most;)
            {
                var length = await ReadAwayAsync(context.Request.Body, either.Token);
                if (length == 0)
                {
                    return;
                }

                total += length;
                silence.CancelAfter(LongestSilence);
                if (turns.IsOver(length))
                {
                    await Task.Yield();
                }
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidOperationException)
        {
            // It has gone, or has had its time, or is over for Kestrel; so is the request.
        }
    }

    private static async ValueTask<int> ReadAwayAsync(Stream body, CancellationToken stop)
    {
        // no memory is held while the client takes its time
        _ = await body.ReadAsync(Memory<byte>.Empty, stop);
        var piece = ArrayPool<byte>.Shared.Rent(PieceSize);
        try
        {
            return await body.ReadAsync(piece, stop);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }
}
