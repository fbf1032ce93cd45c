using System.Net.Sockets;

namespace Sentinel.Recovery.Watching;

/// <summary>A check could not be made, because this machine has run out of something.</summary>
internal sealed class ProbeStarvedException(string message, Exception cause) : Exception(message, cause)
{
    /// <summary>Whether a fault is of that kind: descriptors, buffers.</summary>
    public static bool Is(Exception? fault) =>
        fault is SocketException { SocketErrorCode: SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable }
        || (fault?.InnerException is { } inner && Is(inner));
}
