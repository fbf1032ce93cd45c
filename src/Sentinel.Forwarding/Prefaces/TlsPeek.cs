using System.Buffers;
using System.Net.Sockets;

namespace Sentinel.Forwarding.Prefaces;

/// <summary>Looks at how a client begins that should speak TLS, and leaves every byte in the socket.</summary>
internal static class TlsPeek
{
    // Enough for nearly everybody: a browser's hello with a post-quantum key share is 1.8 KiB.
    private const int FirstLook = 4 * 1024;

    // A peek does not wait for more than is already there. A hello that spans two packets, as those of browsers do, is
    // whole a moment later; who sends no more of it is looked at ever more seldom.
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    /// <summary>Waits until it is certain what the client sent.</summary>
    /// <returns><see cref="TlsPreface.Undecided"/> if the client closed before that.</returns>
    /// <exception cref="SocketException">The connection broke.</exception>
    /// <exception cref="OperationCanceledException">The client took too long, or the listener stopped.</exception>
    public static async ValueTask<(TlsPreface Preface, ClientHello Hello)> ReadAsync(IReceiver from, TimeProvider time, CancellationToken cancellationToken)
    {
        // Memory is held for the moment of a look only: ten thousand who have said nothing yet, or half of a large hello, cost next to nothing.
        await from.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, cancellationToken);
        var (size, seen) = (FirstLook, 0);
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            var (length, preface, hello) = await LookAsync(from, size, cancellationToken);
            if (length == 0 || preface != TlsPreface.Undecided)
            {
                return (preface, hello);
            }

            if (length == size)
            {
                size *= 2;
                continue;
            }

            if (length > seen)
            {
                (seen, pause) = (length, FirstPause);
            }

            await Task.Delay(pause, time, cancellationToken);
        }
    }

    private static async ValueTask<(int Length, TlsPreface Preface, ClientHello Hello)> LookAsync(IReceiver from, int size, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            var length = await from.ReceiveAsync(buffer.AsMemory(0, size), SocketFlags.Peek, cancellationToken);
            return (length, ClientHelloParser.Read(buffer.AsSpan(0, length), out var hello), hello);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
