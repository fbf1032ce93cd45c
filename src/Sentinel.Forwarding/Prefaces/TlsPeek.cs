using System.Buffers;
using System.Net.Sockets;

namespace Sentinel.Forwarding.Prefaces;

/// <summary>Looks at how a client begins that should speak TLS, and leaves every byte in the socket.</summary>
internal static class TlsPeek
{
    // Enough for nearly everybody: a browser's hello with a post-quantum key share is 1.8 KiB.
    private const int FirstLook = 4 * 1024;

    // A peek does not wait for more than is already there. A hello that spans two packets, as those of browsers do, is
    // whole a moment later; who sends it in small pieces is looked at ever more seldom.
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    /// <summary>Waits until it is certain what the client sent.</summary>
    /// <returns><see cref="TlsPreface.Undecided"/> if the client closed before that.</returns>
    /// <exception cref="SocketException">The connection broke.</exception>
    /// <exception cref="OperationCanceledException">The client took too long, or the listener stopped.</exception>
    public static async ValueTask<(TlsPreface Preface, ClientHello Hello)> ReadAsync(IReceiver from, TimeProvider time, CancellationToken cancellationToken)
    {
        // Whoever has not said a word yet holds no memory.
        await from.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, cancellationToken);
        var buffer = ArrayPool<byte>.Shared.Rent(FirstLook);
        try
        {
            var seen = 0;
            for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
            {
                var length = await from.ReceiveAsync(buffer, SocketFlags.Peek, cancellationToken);
                var preface = ClientHelloParser.Read(buffer.AsSpan(0, length), out var hello);
                if (length == 0 || preface != TlsPreface.Undecided)
                {
                    return (preface, hello);
                }

                if (length == buffer.Length)
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                    continue;
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
