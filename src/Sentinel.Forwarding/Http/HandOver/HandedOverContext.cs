using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Sentinel.Forwarding.Http.HandOver;

/// <summary>
/// A connection as Kestrel sees it: the socket's, with the client's own address, bytes counted, and the sentinel's
/// record of it among the features of every request on it.
/// </summary>
internal sealed class HandedOverContext : ConnectionContext
{
    private readonly ConnectionContext _socket;
    private readonly ClientConnection _connection;

    public HandedOverContext(ConnectionContext socket, ClientConnection connection)
    {
        (_socket, _connection) = (socket, connection);
        RemoteEndPoint = connection.EndPoint;
        Transport = new CountingPipe(socket.Transport, connection);
        Features.Set(connection);
    }

    public override string ConnectionId
    {
        get => _socket.ConnectionId;
        set => _socket.ConnectionId = value;
    }

    public override IFeatureCollection Features => _socket.Features;

    public override IDictionary<object, object?> Items
    {
        get => _socket.Items;
        set => _socket.Items = value;
    }

    public override IDuplexPipe Transport { get; set; }

    public override CancellationToken ConnectionClosed
    {
        get => _socket.ConnectionClosed;
        set => _socket.ConnectionClosed = value;
    }

    public override EndPoint? LocalEndPoint
    {
        get => _socket.LocalEndPoint;
        set => _socket.LocalEndPoint = value;
    }

    public override EndPoint? RemoteEndPoint { get; set; }

    public override void Abort(ConnectionAbortedException abortReason) => _socket.Abort(abortReason);

    public override void Abort() => _socket.Abort();

    /// <summary>Kestrel is done with it. Returns when the socket is closed and the end is told.</summary>
    public override async ValueTask DisposeAsync()
    {
        try
        {
            await _socket.DisposeAsync();
            await base.DisposeAsync();
        }
        finally
        {
            _connection.Closed();
        }
    }
}
