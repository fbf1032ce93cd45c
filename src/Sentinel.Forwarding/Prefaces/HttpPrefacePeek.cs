using System.Buffers;
using System.Net.Sockets;

namespace Sentinel.Forwarding.Prefaces;

/// <summary>Looks at how a client begins, and leaves every byte in the socket.</summary>
internal static class HttpPrefacePeek
{
    // A peek does not wait for more than is already there, so a preface that comes in pieces is looked at again after a
    // while. Nobody but a tester or an attacker sends it in pieces.
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    /// <summary>Waits until it is certain which version of HTTP the client speaks.</summary>
    /// <returns><see cref="HttpPreface.Undecided"/> if the client closed before that.</returns>
    /// <exception cref="SocketException">The connection broke.</exception>
    /// <exception cref="OperationCanceledException">The client took too long, or the listener stopped.</exception>
    public static async Task<HttpPreface> ReadAsync(IReceiver from, TimeProvider time, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Http2Preface.Length);
        try
        {
            var start = buffer.AsMemory(0, Http2Preface.Length);
            var seen = 0;
            for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
            {
                var length = await from.ReceiveAsync(start, SocketFlags.Peek, cancellationToken);
                var preface = Http2Preface.Read(start.Span[..length]);
                if (length == 0 || preface != HttpPreface.Undecided)
                {
                    return preface;
                }

                if (length > seen)
                {
                    (seen, pause) = (length, FirstPause);
                }

                await Task.Delay(pause, time, cancellationToken);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
