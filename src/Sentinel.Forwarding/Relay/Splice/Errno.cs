using System.Net.Sockets;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>The error numbers that the loop tells apart (errno(3); the same on x64 and arm64).</summary>
internal static class Errno
{
    public const int Interrupted = 4;
    public const int Again = 11;
    public const int NoMemory = 12;
    public const int SystemFilesFull = 23;
    public const int ProcessFilesFull = 24;
    public const int BrokenPipe = 32;
    public const int AddressInUse = 98;
    public const int AddressNotAvailable = 99;
    public const int NetworkDown = 100;
    public const int NetworkUnreachable = 101;
    public const int ConnectionAborted = 103;
    public const int ConnectionReset = 104;
    public const int NoBuffers = 105;
    public const int TimedOut = 110;
    public const int ConnectionRefused = 111;
    public const int HostDown = 112;
    public const int HostUnreachable = 113;
    public const int InProgress = 115;

    /// <summary>What a failed connect says of the backend.</summary>
    public static DialOutcome ToDialOutcome(int error) => error switch
    {
        TimedOut => DialOutcome.TimedOut,
        NetworkDown or NetworkUnreachable or HostDown or HostUnreachable => DialOutcome.Unreachable,
        Again or NoMemory or SystemFilesFull or ProcessFilesFull or AddressInUse or AddressNotAvailable or NoBuffers => DialOutcome.Exhausted,
        _ => DialOutcome.Refused,
    };

    /// <summary>As .NET calls it.</summary>
    public static SocketError ToSocketError(int error) => error switch
    {
        SystemFilesFull or ProcessFilesFull => SocketError.TooManyOpenSockets,
        NoBuffers or NoMemory => SocketError.NoBufferSpaceAvailable,
        ConnectionReset => SocketError.ConnectionReset,
        ConnectionAborted => SocketError.ConnectionAborted,
        ConnectionRefused => SocketError.ConnectionRefused,
        BrokenPipe => SocketError.Shutdown,
        TimedOut => SocketError.TimedOut,
        HostDown => SocketError.HostDown,
        HostUnreachable => SocketError.HostUnreachable,
        NetworkDown => SocketError.NetworkDown,
        NetworkUnreachable => SocketError.NetworkUnreachable,
        _ => SocketError.SocketError,
    };
}
