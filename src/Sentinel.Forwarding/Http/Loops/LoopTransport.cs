using System.Buffers;
using System.IO.Pipelines;
using Sentinel.Forwarding.Http.Transports;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>A connection on a <see cref="SocketLoop"/>.</summary>
internal sealed class LoopTransport : ClientTransport
{
    private static readonly Action<LoopTransport> TellHungUp = static transport => transport.Tell();

    private readonly LoopSocket _socket;
    private readonly ClientConnection _connection;
    private readonly LoopPipe _pipe;

    // Never disposed: whoever holds its token may ask at any time, and it has neither timer nor handle.
    private readonly CancellationTokenSource _closed = new();

    public LoopTransport(LoopSocket socket, ClientConnection connection)
    {
        (_socket, _connection, _pipe) = (socket, connection, new(socket, connection.Traffic));
        socket.WhenHungUp(HangUp);
    }

    public override PipeReader Input => _pipe.Input;

    public override PipeWriter Output => _pipe.Output;

    public override CancellationToken Closed => _closed.Token;

    public override MemoryPool<byte> Memory => MemoryPool<byte>.Shared;

    public override void Abort(string why)
    {
        _socket.Abort();
        HangUp();
    }

    public override void Abandon() => _pipe.Abandon();

    public override void OutliveInput() => _socket.OutliveInput();

    public override async ValueTask EndSendingAsync()
    {
        await _pipe.FinishAsync();
        _socket.EndSending();
    }

    public override async ValueTask DisposeAsync()
    {
        try
        {
            await _pipe.FinishAsync();
            await FarewellAsync();
        }
        finally
        {
            _socket.Close();
            _connection.Closed();
        }
    }

    // Elsewhere: whoever is told may do much, or hold what is needed here.
    private void HangUp() => ThreadPool.UnsafeQueueUserWorkItem(TellHungUp, this, preferLocal: false);

    private void Tell()
    {
        try
        {
            _closed.Cancel();
        }
        catch (Exception e)
        {
            _socket.Loop.Failed(e);
        }
    }

    /// <summary>Sees to it that our last words are heard: a socket that is closed on a client that talks on answers with a reset, which takes them away again.</summary>
    private async ValueTask FarewellAsync()
    {
        if (_connection.IsHeardOut || (!_connection.MaySendOn && !_socket.IsReadable))
        {
            return;
        }

        try
        {
            _socket.EndSending();
            await ReadAwayAsync(_connection.Gate.Time);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // It has gone already.
        }
    }

    /// <summary>Reads and forgets until the client has said its last word, or enough. At once, if it says nothing and is not known to be talking.</summary>
    private async ValueTask ReadAwayAsync(TimeProvider time)
    {
        using var clock = time.CreateTimer(static socket => ((LoopSocket)socket!).WakeReader(), _socket, Farewell.LongestSilence, Farewell.LongestSilence);
        var turns = new Turns();
        var begin = time.GetTimestamp();
        var (heard, total) = (begin, 0L);
        while (total < Farewell.Most && time.GetElapsedTime(begin) < Farewell.Longest)
        {
            var length = ReadAway();
            if (length == 0 || (length < 0 && ((total == 0 && !_connection.MaySendOn) || time.GetElapsedTime(heard) >= Farewell.LongestSilence)))
            {
                return;
            }

            if (length < 0)
            {
                await _socket.WaitReadableAsync();
                continue;
            }

            (heard, total) = (time.GetTimestamp(), total + length);
            if (turns.IsOver(length))
            {
                await Task.Yield();
            }
        }
    }

    /// <returns>As of <see cref="IPromptSocket.TryReceive"/>.</returns>
    private int ReadAway()
    {
        var buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
        try
        {
            return _socket.TryReceive(buffer);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
