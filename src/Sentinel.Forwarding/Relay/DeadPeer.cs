using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Sentinel.Forwarding.Relay;

/// <summary>
/// Socket options that find out within half a minute that a peer has vanished without a word, whether the connection is
/// idle (keepalive) or has data in flight (TCP_USER_TIMEOUT, tcp(7)).
/// </summary>
internal static class DeadPeer
{
    /// <summary>Seconds of silence before the first probe.</summary>
    public const int KeepAliveIdle = 15;

    /// <summary>Seconds between probes.</summary>
    public const int KeepAliveInterval = 5;

    /// <summary>Probes without an answer before the connection is dead: with the above, 30 s.</summary>
    public const int KeepAliveProbes = 3;

    /// <summary>Milliseconds that sent data may stay unacknowledged.</summary>
    public const int UserTimeout = 30_000;

    private const int IpProtoTcp = 6;
    private const int TcpUserTimeout = 18;

    /// <summary>Sets the options, and TCP_NODELAY: the peers have decided what belongs together. Sockets accepted on Linux inherit all of it.</summary>
    /// <exception cref="SocketException">The connection is already broken (not every system allows options then).</exception>
    public static void Watch(Socket socket)
    {
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, KeepAliveIdle);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, KeepAliveInterval);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, KeepAliveProbes);
        if (OperatingSystem.IsLinux())
        {
            var timeout = UserTimeout;
            socket.SetRawSocketOption(IpProtoTcp, TcpUserTimeout, MemoryMarshal.AsBytes(new Span<int>(ref timeout)));
        }
    }
}
