using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Sentinel.Forwarding.Http.HandOver;

/// <summary>The transport of the inner Kestrel: it has no sockets of its own to listen on.</summary>
internal sealed class HandOverTransport : IConnectionListenerFactory
{
    /// <summary>Where cleartext HTTP/1.x goes in.</summary>
    public HandOverListener Http1 { get; } = new(HandOverEndPoint.Http1);

    /// <summary>Where cleartext HTTP/2 goes in.</summary>
    public HandOverListener Http2 { get; } = new(HandOverEndPoint.Http2);

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new(endpoint == HandOverEndPoint.Http2 ? Http2 : Http1);
}
