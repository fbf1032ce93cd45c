using System.Collections.Concurrent;

namespace Sentinel.Forwarding.Http.Upstreams;

/// <summary>
/// HTTP/2 towards one backend. No client shares a connection with another: over a shared one, everybody's calls would end with those of a client
/// that resets its own without end, and stand still with those of one that takes nothing of its answers. Thread-safe.
/// </summary>
/// <param name="watch">Gets the sockets.</param>
internal sealed class Http2Connections(SocketWatch watch) : IDisposable
{
    // And by how TLS is spoken: what one listener does not verify, another must not use. Cleartext has a key of its own.
    private readonly ConcurrentDictionary<(ClientConnection Client, object Tls), Lazy<HttpMessageInvoker>> _made = new();

    /// <summary>For the calls of one client. Those of one that has left are ended by <see cref="Review"/>.</summary>
    public HttpMessageInvoker Of(ClientConnection client, UpstreamTls? tls) =>
        _made.GetOrAdd((client, tls ?? (object)this), _ => new(() => new(Http2Handler.Create(watch)))).Value;

    /// <summary>Closes what clients left that are gone. Called about once a second.</summary>
    public void Review()
    {
        foreach (var (key, made) in _made)
        {
            if (key.Client.IsClosed && _made.TryRemove(key, out _))
            {
                made.Value.Dispose();
            }
        }
    }

    public void Dispose()
    {
        foreach (var made in _made.Values)
        {
            made.Value.Dispose();
        }
    }
}
