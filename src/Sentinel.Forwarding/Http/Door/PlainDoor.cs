using System.Net.Security;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Sentinel.Forwarding.Http.Door;

/// <summary>
/// Stands before Kestrel's HTTP: serves a connection for as long as its requests are plain (<see cref="PlainHead"/>) and nothing is in their way,
/// and gives it to Kestrel for good with the first that is not, unread. See docs/decisions/http-speed.md.
/// </summary>
internal sealed class PlainDoor(RequestForwarder requests, ConnectionDelegate next)
{
    public async Task ServeAsync(ConnectionContext context)
    {
        if (context.Features.Get<ITlsApplicationProtocolFeature>() is { } agreed && agreed.ApplicationProtocol.Span.SequenceEqual(SslApplicationProtocol.Http2.Protocol.Span))
        {
            await next(context);
            return;
        }

        var connection = context.Features.GetRequiredFeature<ClientConnection>();
        connection.IsAtDoor();
        var (end, unfinished) = await new PlainVisit(requests, connection, context).ServeAsync();
        if (end == VisitEnd.Over)
        {
            await context.Transport.Input.CompleteAsync();
            return;
        }

        // The one that Kestrel made may have asked for the end already, and Kestrel would not read what is there.
        var lifetime = new LaterClose();
        context.Features.Set<IConnectionLifetimeNotificationFeature>(lifetime);
        connection.GoesOn(lifetime, unfinished);
        await next(context);
    }
}
