namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>Socket options of the sockets that the loop makes itself (tcp(7), socket(7)). Failures are not told: such a socket is broken already, and a read will say so.</summary>
internal static unsafe class SocketOptions
{
    private const int Socket = 1;
    private const int Error = 4;
    private const int KeepAlive = 9;
    private const int Linger = 13;

    private const int Tcp = TcpInfo.Level;
    private const int NoDelay = 1;
    private const int KeepAliveIdle = 4;
    private const int KeepAliveInterval = 5;
    private const int KeepAliveCount = 6;
    private const int QuickAcknowledgement = 12;
    private const int UserTimeout = 18;

    public static void SetNoDelay(int socket) => Set(socket, Tcp, NoDelay, 1);

    /// <summary>Before a connect: lets the acknowledgement that ends its handshake wait for the first data that is sent.</summary>
    public static void DelayAcknowledgement(int socket) => Set(socket, Tcp, QuickAcknowledgement, 0);

    /// <summary>What <see cref="DeadPeer.Watch"/> sets, but for TCP_NODELAY.</summary>
    public static void WatchForDeadPeer(int socket)
    {
        Set(socket, Tcp, KeepAliveIdle, DeadPeer.KeepAliveIdle);
        Set(socket, Tcp, KeepAliveInterval, DeadPeer.KeepAliveInterval);
        Set(socket, Tcp, KeepAliveCount, DeadPeer.KeepAliveProbes);
        Set(socket, Tcp, UserTimeout, DeadPeer.UserTimeout);
        Set(socket, Socket, KeepAlive, 1);
    }

    /// <summary>As <see cref="TcpInfo.WasReset"/>: ask after an end of the stream, while we have not finished sending.</summary>
    public static bool WasReset(int socket)
    {
        var info = stackalloc byte[TcpInfo.Size];
        var length = TcpInfo.Size;
        return Libc.GetOption(socket, Tcp, TcpInfo.Option, info, &length) == 0 && new TcpInfo(new(info, length)).IsClosed;
    }

    /// <summary>As <see cref="DeadPeer.Review"/>: whether to review it again even if nothing more is sent on it.</summary>
    public static bool Review(int socket)
    {
        var info = stackalloc byte[TcpInfo.Size];
        var length = TcpInfo.Size;
        if (Libc.GetOption(socket, Tcp, TcpInfo.Option, info, &length) != 0)
        {
            return false;
        }

        var again = DeadPeer.Judge(new(new(info, length)), out var timeout);
        Set(socket, Tcp, UserTimeout, timeout);
        return again;
    }

    /// <summary>Makes the close to come a reset: what was not sent yet is dropped.</summary>
    public static void ResetOnClose(int socket)
    {
        var linger = stackalloc int[2] { 1, 0 };
        _ = Libc.SetOption(socket, Socket, Linger, linger, 2 * sizeof(int));
    }

    /// <summary>The error that broke a socket; it is cleared.</summary>
    public static int TakeError(int socket)
    {
        int error = 0, length = sizeof(int);
        _ = Libc.GetOption(socket, Socket, Error, &error, &length);
        return error;
    }

    private static void Set(int socket, int level, int name, int value) => _ = Libc.SetOption(socket, level, name, &value, sizeof(int));
}
