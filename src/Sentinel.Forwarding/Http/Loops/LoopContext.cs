using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>A connection on a <see cref="SocketLoop"/> as Kestrel sees it, with the sentinel's record of it among the features of every request on it.</summary>
internal sealed class LoopContext : DefaultConnectionContext, IDuplexPipe, IMemoryPoolFeature
{
    // What a client may still be saying when we close: read away, since what is left unread turns our last words into a reset.
    private const int MostReadAway = 256 * 1024;

    private static long _lastId;

    private readonly LoopSocket _socket;
    private readonly ClientConnection _connection;
    private readonly LoopWriter _output;

    public LoopContext(LoopSocket socket, ClientConnection connection) : base(Interlocked.Increment(ref _lastId).ToString("x8", CultureInfo.InvariantCulture))
    {
        (_socket, _connection) = (socket, connection);
        LocalEndPoint = socket.Socket.LocalEndPoint;
        RemoteEndPoint = connection.EndPoint;
        Input = new LoopReader(socket, connection.Traffic);
        Output = _output = new(socket, connection.Traffic);
        Transport = this;
        Features.Set(connection);
        Features.Set<IMemoryPoolFeature>(this);

        // The base fires the token of ConnectionClosed then, on another thread.
        socket.WhenHungUp(() => base.Abort(null!));
    }

    public PipeReader Input { get; }

    public PipeWriter Output { get; }

    public MemoryPool<byte> MemoryPool => MemoryPool<byte>.Shared;

    public override void Abort(ConnectionAbortedException abortReason)
    {
        _socket.Abort();
        base.Abort(abortReason);
    }

    /// <summary>Kestrel is done with it. Returns when the socket is closed and the end is told.</summary>
    [SuppressMessage("Usage", "CA2215:Dispose methods should call base class dispose", Justification = "The base would dispose of a source that its own Abort cancels on another thread, where that would then throw.")]
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

    private void Farewell()
    {
        try
        {
            _socket.Socket.Shutdown(SocketShutdown.Send);
            if (!_socket.IsReadable)
            {
                return;
            }

            var buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
            for (int read = 0, length; read < MostReadAway && (length = _socket.TryReceive(buffer)) > 0; read += length)
            {
            }

            ArrayPool<byte>.Shared.Return(buffer);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // It has gone already.
        }
    }
}
