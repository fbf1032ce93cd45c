using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Listeners;

/// <summary>Opens listening sockets.</summary>
internal static class Binder
{
    /// <summary>Connections that may wait in the kernel; Linux cuts it to net.core.somaxconn, which is 4096 too.</summary>
    public const int Backlog = 4096;

    /// <summary>
    /// Opens the sockets of an address and listens. A restart may bind while connections of the last run linger
    /// (SO_REUSEADDR), two sentinels may not bind the same address (no SO_REUSEPORT), and <c>[::]</c> is IPv6 alone, so
    /// that <c>0.0.0.0:22</c> can stand beside <c>[::]:22</c>, as in nginx.
    /// </summary>
    /// <param name="error">Why not: a sentence for the administrator.</param>
    /// <returns>Nothing if it failed. One socket for an address; for a passed name as many as were passed.</returns>
    public static ImmutableArray<Socket> Open(BindAddress address, PassedSockets passed, out string? error)
    {
        var sockets = address.EndPoint is { } endPoint ? Bind(endPoint, out error) : passed.Find(address.SocketName!, out error);
        foreach (var socket in sockets)
        {
            DeadPeer.Watch(socket);
        }

        return sockets;
    }

    private static ImmutableArray<Socket> Bind(IPEndPoint endPoint, out string? error)
    {
        Socket? socket = null;
        try
        {
            // On Unix .NET sets SO_REUSEADDR on stream sockets, and its own ReuseAddress would set SO_REUSEPORT as well.
            socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (OperatingSystem.IsWindows())
            {
                socket.ExclusiveAddressUse = true;
            }

            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = false;
            }

            socket.Bind(endPoint);
            socket.Listen(Backlog);
            error = null;
            return [socket];
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            error = Explain(e, endPoint);
            return [];
        }
    }

    private static string Explain(SocketException e, IPEndPoint endPoint) => e.SocketErrorCode switch
    {
        SocketError.AddressAlreadyInUse =>
            $"the address is in use; stop whoever listens there (ss -ltnp 'sport = :{endPoint.Port}' names him) or choose another port."
            + " If it is this daemon, on an address that overlaps, restart it instead of reloading",
        SocketError.AccessDenied =>
            $"port {endPoint.Port} needs a permission that this process lacks; give the service CAP_NET_BIND_SERVICE"
            + " (AmbientCapabilities=, systemd.exec(5)), pass the socket as fd:NAME, or choose a port from 1024 up",
        SocketError.AddressNotAvailable => $"no interface of this machine has the address {endPoint.Address}; see ip address",
        SocketError.AddressFamilyNotSupported => "this machine has IPv6 switched off; leave the address out",
        SocketError.TooManyOpenSockets => "the process is out of descriptors; raise LimitNOFILE",
        _ => $"cannot listen there: {e.Message} ({e.SocketErrorCode})",
    };
}
