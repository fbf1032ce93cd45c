using System.Collections.Concurrent;
using System.Net.Sockets;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http.Upstreams;

/// <summary>The open sockets towards one backend, for the review that <see cref="DeadPeer"/> asks for. Thread-safe.</summary>
internal sealed class SocketWatch
{
    private readonly ConcurrentDictionary<Socket, byte> _sockets = new();

    public void Add(Socket socket) => _sockets.TryAdd(socket, 0);

    public void Remove(Socket socket) => _sockets.TryRemove(socket, out _);

    /// <summary>A stream over a socket that is watched until the stream is disposed.</summary>
    public Stream Open(Socket socket)
    {
        Add(socket);
        return new Watched(socket, this);
    }

    public void Review()
    {
        foreach (var socket in _sockets.Keys)
        {
            Review(socket);
        }
    }

    /// <summary>Reviews one socket, which may be broken or closed: whoever uses it finds out.</summary>
    public static void Review(Socket socket)
    {
        try
        {
            DeadPeer.Review(socket);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    }

    private sealed class Watched(Socket socket, SocketWatch watch) : NetworkStream(socket, ownsSocket: true)
    {
        protected override void Dispose(bool disposing)
        {
            watch.Remove(Socket);
            base.Dispose(disposing);
        }
    }
}
