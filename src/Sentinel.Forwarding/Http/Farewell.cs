using System.IO.Pipelines;
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

    /// <summary>How long it may be silent.</summary>
    public static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(5);

    /// <summary>How long it may take in all.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>Reads and forgets what is left of a request's body, once its answer is out. Kestrel would do so for five seconds in all, and then break off.</summary>
    public static async Task HearOutAsync(HttpContext context, ClientConnection connection)
    {
        var time = connection.Gate.Time;
        var body = context.Request.BodyReader;
        var turns = new Turns();
        try
        {
            await context.Response.CompleteAsync();
            var (begin, total) = (time.GetTimestamp(), 0L);

            // by no token: who cancels one of Kestrel's reads leaves it for ever in the middle of it
            await using var silence = time.CreateTimer(static reader => ((PipeReader)reader!).CancelPendingRead(), body, LongestSilence, Timeout.InfiniteTimeSpan);
            while (total < Most && time.GetElapsedTime(begin) < Longest)
            {
                var read = await body.ReadAsync();
                var length = read.Buffer.Length;
                body.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    connection.MaySendOn = false;
                    return;
                }

                if (read.IsCanceled)
                {
                    break;
                }

                total += length;
                silence.Change(LongestSilence, Timeout.InfiniteTimeSpan);
                if (turns.IsOver((int)length))
                {
                    await Task.Yield();
                }
            }

            connection.IsHeardOut = true;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidOperationException)
        {
            // It has gone, or is over for Kestrel; what it may still be saying is read away below that.
        }
    }
}
