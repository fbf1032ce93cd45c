using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace Sentinel.Forwarding.Http.HandOver;

/// <summary>What Kestrel takes for a listener: it "accepts" connections that were accepted elsewhere and are handed in here.</summary>
internal sealed class HandOverListener(EndPoint endPoint) : IConnectionListener
{
    // Not bounded: each connection in it was admitted by its gate, and Kestrel takes them out as fast as they come.
    private readonly Channel<ConnectionContext> _handedOver = Channel.CreateUnbounded<ConnectionContext>(new() { SingleReader = true });

    public EndPoint EndPoint => endPoint;

    /// <returns>False once Kestrel has stopped: the connection stays the caller's.</returns>
    public bool HandOver(ConnectionContext connection) => _handedOver.Writer.TryWrite(connection);

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
        await _handedOver.Reader.WaitToReadAsync(cancellationToken) && _handedOver.Reader.TryRead(out var connection) ? connection : null;

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _handedOver.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _handedOver.Writer.TryComplete();
        while (_handedOver.Reader.TryRead(out var connection))
        {
            await connection.DisposeAsync();
        }
    }
}
