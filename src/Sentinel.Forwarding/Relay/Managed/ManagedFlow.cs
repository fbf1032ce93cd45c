using System.Buffers;
using System.Net.Sockets;
using Sentinel.Forwarding.HandOver;

namespace Sentinel.Forwarding.Relay.Managed;

/// <summary>One direction of a relay. It ends on its own: the other may go on.</summary>
/// <param name="fromBroke">Why the connection ends if <paramref name="from"/> breaks.</param>
/// <param name="toBroke">Why it ends if <paramref name="to"/> breaks.</param>
/// <param name="kept">What went through in the process before.</param>
/// <param name="pause">Stops it, wherever it stands.</param>
internal sealed class ManagedFlow(
    Socket from, Socket to, ConnectionEnd fromBroke, ConnectionEnd toBroke, TimeProvider time, KeptFlow kept, CancellationToken pause)
{
    // As much as a socket of a fast sender usually holds; from the pool, and only while bytes are on their way.
    private const int BufferSize = 64 * 1024;

    // Rounds without waiting before others get a turn.
    private const int Budget = 16;

    private long _bytes = kept.Bytes;
    private long _lastMove = time.GetTimestamp();
    private byte[] _unsent = [];
    private volatile bool _isOver = kept.IsOver;
    private ManagedFlow? _opposite;
    private volatile bool _unreviewed = kept != KeptFlow.Fresh;

    /// <summary>Bytes passed on so far.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>When bytes moved last, a timestamp.</summary>
    public long LastMove => Volatile.Read(ref _lastMove);

    /// <summary>The sender has finished, and the receiver is told.</summary>
    public bool IsOver => _isOver;

    /// <summary>Makes two flows the directions of one connection.</summary>
    public static void Pair(ManagedFlow up, ManagedFlow down) => (up._opposite, down._opposite) = (down, up);

    /// <summary>Copies until the sender finishes, and passes that on; or until it is paused. Never throws.</summary>
    /// <param name="readable">A wait for the sender's first byte that is under way already.</param>
    /// <returns>Null; or which side broke.</returns>
    public async Task<ConnectionEnd?> RunAsync(Task<int>? readable)
    {
        var broken = toBroke;
        try
        {
            await SendAsync(kept.Unsent).ConfigureAwait(false);
            broken = fromBroke;
            for (var round = 1; !_isOver; round++)
            {
                await WaitAsync(readable).ConfigureAwait(false);
                readable = null;
                var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
                try
                {
                    // The wait may have ended for nothing. A read that is cancelled has taken nothing either.
                    var received = await from.ReceiveAsync(buffer, pause).ConfigureAwait(false);
                    if (received == 0)
                    {
                        // Asked again behind the look at the socket: our own end, sent just now, makes it look the same.
                        if (!_opposite!.IsOver && TcpInfo.WasReset(from) && !_opposite.IsOver)
                        {
                            return fromBroke;
                        }

                        // Over first: the end that this brings about on the other side is no reset.
                        _isOver = true;
                        broken = toBroke;
                        to.Shutdown(SocketShutdown.Send);
                        break;
                    }

                    broken = toBroke;
                    Volatile.Write(ref _lastMove, time.GetTimestamp());
                    await SendAsync(buffer.AsMemory(..received)).ConfigureAwait(false);
                    broken = fromBroke;
                }
                finally
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                }

                if (round % Budget == 0)
                {
                    await Task.Yield();
                }
            }

            return null;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return broken;
        }
    }

    // An empty read waits without a buffer, so that a quiet connection owns none; and it takes nothing, so that it may be cancelled.
    private ValueTask<int> WaitAsync(Task<int>? underWay) =>
        underWay is null ? from.ReceiveAsync(Memory<byte>.Empty, pause) : new(underWay.WaitAsync(pause));

    private async ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
    {
        var rest = bytes;
        try
        {
            while (!rest.IsEmpty)
            {
                rest = rest[await PartialSend.SomeAsync(to, rest, pause).ConfigureAwait(false)..];
            }
        }
        catch (OperationCanceledException)
        {
            _unsent = rest.ToArray();
            throw;
        }
        finally
        {
            if (rest.Length < bytes.Length)
            {
                _unreviewed = true;
                Volatile.Write(ref _bytes, _bytes + bytes.Length - rest.Length);
                Volatile.Write(ref _lastMove, time.GetTimestamp());
            }
        }
    }

    /// <summary>What another process needs to go on with it. Only once <see cref="RunAsync"/> has completed.</summary>
    public KeptFlow Keep() => new() { Bytes = Bytes, Unsent = _unsent, IsOver = IsOver };

    /// <summary>See <see cref="DeadPeer.Review"/>. Called every <see cref="DeadPeer.ReviewInterval"/>; costs nothing while nothing was sent.</summary>
    public void Review()
    {
        if (_unreviewed)
        {
            // Set back before the look: what is sent meanwhile is looked at next time.
            _unreviewed = false;
            _unreviewed |= DeadPeer.Review(to);
        }
    }
}
