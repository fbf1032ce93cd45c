using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Sentinel.Forwarding.Relay;

/// <summary>
/// Socket options that find out within half a minute that a peer has vanished without a word, whether the connection is
/// idle (keepalive) or has data in flight (TCP_USER_TIMEOUT, tcp(7)).
/// </summary>
/// <remarks>
/// Linux counts TCP_USER_TIMEOUT against a peer that is alive and merely does not read, too: a client stopped with
/// Ctrl-Z for half a minute would lose a connection that it would keep without us. So whoever relays reviews now and
/// then the connections he has sent something on, and lifts the limit from those whose window is closed.
/// </remarks>
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

    private const int TcpUserTimeout = 18;

    /// <summary>How often to review: well within <see cref="UserTimeout"/>.</summary>
    public static readonly TimeSpan ReviewInterval = TimeSpan.FromSeconds(10);

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
            SetUserTimeout(socket, UserTimeout);
        }
    }

    /// <summary>Adapts TCP_USER_TIMEOUT to what the connection is waiting for.</summary>
    /// <returns>Whether to review it again even if nothing more is sent on it.</returns>
    /// <exception cref="SocketException">The connection is broken; whoever reads or writes finds out too.</exception>
    public static bool Review(Socket socket)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        Span<byte> info = stackalloc byte[TcpInfo.Size];
        var again = Judge(new(info[..socket.GetRawSocketOption(TcpInfo.Level, TcpInfo.Option, info)]), out var timeout);
        SetUserTimeout(socket, timeout);
        return again;
    }

    /// <param name="userTimeout">The TCP_USER_TIMEOUT that is right now, in milliseconds.</param>
    /// <returns>Whether anything that was sent is not acknowledged yet.</returns>
    public static bool Judge(TcpInfo info, out int userTimeout)
    {
        // Nothing in flight and something to send: the window is closed, and the kernel probes it. A peer that is there
        // answers each probe; two without an answer mean that it is not.
        var windowIsClosed = info is { Unacknowledged: 0, NotSent: > 0, UnansweredProbes: < 2 };
        userTimeout = windowIsClosed ? 0 : UserTimeout;
        return info is not { Unacknowledged: 0, NotSent: 0 };
    }

    private static void SetUserTimeout(Socket socket, int milliseconds) =>
        socket.SetRawSocketOption(TcpInfo.Level, TcpUserTimeout, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(ref milliseconds)));
}
