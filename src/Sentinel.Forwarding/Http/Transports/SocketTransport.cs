using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Sentinel.Forwarding.Http.Transports;

/// <summary>A connection that .NET waits for, by Kestrel's own transport.</summary>
internal sealed class SocketTransport : ClientTransport
{
    private readonly ConnectionContext _socket;
    private readonly ClientConnection _connection;
    private readonly CountingPipe _pipe;
    private volatile bool _isAbandoned;

    public SocketTransport(ConnectionContext socket, ClientConnection connection)
    {
        (_socket, _connection, _pipe) = (socket, connection, new(socket.Transport, connection.Traffic));
        Memory = socket.Features.Get<IMemoryPoolFeature>()?.MemoryPool ?? MemoryPool<byte>.Shared;
    }

    public override PipeReader Input => _pipe.Input;

    public override PipeWriter Output => _pipe.Output;

    public override CancellationToken Closed => _socket.ConnectionClosed;

    public override MemoryPool<byte> Memory { get; }

    public override void Abort(string why) => _socket.Abort(new ConnectionAbortedException(why));

    public override void Abandon()
    {
        _isAbandoned = true;
        Abort("It was forgotten.");
    }

    public override ValueTask EndSendingAsync() => _pipe.Output.CompleteAsync();

    public override async ValueTask DisposeAsync()
    {
        try
        {
            if (!_isAbandoned)
            {
                await _socket.DisposeAsync();
            }
        }
        finally
        {
            _connection.Closed();
        }
    }
}
