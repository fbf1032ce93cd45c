using System.Buffers;
using System.Net.Sockets;

namespace Sentinel.Forwarding.Prefaces;

/// <summary>Takes a PROXY header from the start of a connection, and not one byte more.</summary>
internal static class ProxyHeaderReader
{
    /// <returns><see cref="ProxyHeaderVerdict.Incomplete"/> if the other side closed before it was whole; <see cref="ProxyHeaderVerdict.Invalid"/> also if it was given up in the middle: nobody else can read it then.</returns>
    /// <exception cref="SocketException">The connection broke.</exception>
    /// <exception cref="OperationCanceledException">It took too long, or is not wanted any more. Nothing was taken.</exception>
    public static async ValueTask<(ProxyHeaderVerdict Verdict, ProxyHeader Header)> ReadAsync(IReceiver from, CancellationToken cancellationToken)
    {
        // An empty read waits without a buffer.
        await from.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, cancellationToken).ConfigureAwait(false);
        var buffer = ArrayPool<byte>.Shared.Rent(ProxyHeader.MaxLength);
        var read = 0;
        try
        {
            while (true)
            {
                var peeked = await from.ReceiveAsync(buffer.AsMemory(read, ProxyHeader.MaxLength - read), SocketFlags.Peek, cancellationToken).ConfigureAwait(false);
                if (peeked == 0)
                {
                    return (ProxyHeaderVerdict.Incomplete, default);
                }

                // What does not complete a header belongs to it; taken out, it does not wake the next peek.
                var verdict = ProxyHeader.Read(buffer.AsSpan(0, read + peeked), out var header, out var length);
                if (verdict == ProxyHeaderVerdict.Invalid)
                {
                    return (verdict, default);
                }

                var end = verdict == ProxyHeaderVerdict.Complete ? length : read + peeked;
                while (read < end)
                {
                    read += await from.ReceiveAsync(buffer.AsMemory(read, end - read), SocketFlags.None, cancellationToken).ConfigureAwait(false);
                }

                if (verdict == ProxyHeaderVerdict.Complete)
                {
                    return (verdict, header);
                }
            }
        }
        catch (OperationCanceledException) when (read > 0)
        {
            return (ProxyHeaderVerdict.Invalid, default);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
