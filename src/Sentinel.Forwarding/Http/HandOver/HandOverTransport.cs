using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Sentinel.Forwarding.Http.HandOver;

/// <summary>The transport of the inner Kestrel: it has no sockets of its own to listen on.</summary>
internal sealed class HandOverTransport : IConnectionListenerFactory
{
    private readonly Dictionary<EndPoint, HandOverListener> _listeners = new[] { HandOverEndPoint.Http1, HandOverEndPoint.Http2 }
        .ToDictionary(EndPoint (place) => place, place => new HandOverListener(place));

    /// <summary>Where connections go in.</summary>
    public HandOverListener this[HandOverEndPoint place] => _listeners[place];

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) => new(_listeners[endpoint]);
}
