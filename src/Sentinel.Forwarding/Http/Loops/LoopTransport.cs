using System.Buffers;
using System.IO.Pipelines;
using Sentinel.Forwarding.Http.Transports;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>A connection on a <see cref="SocketLoop"/>.</summary>
internal sealed class LoopTransport : ClientTransport
{
    // What a client may still be saying when we close: read away, since what is left unread turns our last words into a reset.
    private const int MostReadAway = 256 * 1024;

    private static readonly Action<LoopTransport> TellHungUp = static transport => transport.Tell();

    private readonly LoopSocket _socket;
    private readonly ClientConnection _connection;
    private readonly LoopReader _input;
    private readonly LoopWriter _output;

    // Never disposed: whoever holds its token may ask at any time, and it has neither timer nor handle.
    private readonly CancellationTokenSource _closed = new();

    public LoopTransport(LoopSocket socket, ClientConnection connection)
    {
        (_socket, _connection) = (socket, connection);
        (_input, _output) = (new(socket, connection.Traffic), new(socket, connection.Traffic));
        socket.WhenHungUp(HangUp);
    }

    public override PipeReader Input => _input;

    public override PipeWriter Output => _output;

    public override CancellationToken Closed => _closed.Token;

    public override MemoryPool<byte> Memory => MemoryPool<byte>.Shared;

    public override void Abort(string why)
    {
        _socket.Abort();
        HangUp();
    }

    public override async ValueTask DisposeAsync()
    {
        try
        {
            await _output.FinishAsync();
            Farewell();
            _socket.Close();
        }
        finally
        {
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

    private void Farewell()
    {
        if (!_socket.IsReadable)
        {
            return;
        }

        try
        {
            _socket.EndSending();
            var buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
            for (int read = 0, length; read < MostReadAway && (length = _socket.TryReceive(buffer)) > 0; read += length)
            {
            }

            ArrayPool<byte>.Shared.Return(buffer);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // It has gone already.
        }
    }
}
