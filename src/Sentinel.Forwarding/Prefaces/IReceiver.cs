using System.Net.Sockets;

namespace Sentinel.Forwarding.Prefaces;

/// <summary>Where the beginning of a connection is read, or peeked at, by whatever it is waited for with.</summary>
internal interface IReceiver
{
    /// <summary>Waits until something is there, or the end. Reads nothing into an empty buffer.</summary>
    /// <exception cref="SocketException">The connection broke.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="ObjectDisposedException">It was closed.</exception>
    ValueTask<int> ReceiveAsync(Memory<byte> target, SocketFlags flags, CancellationToken cancellationToken);
}

/// <summary>A socket that .NET waits for.</summary>
internal sealed class SocketReceiver(Socket socket) : IReceiver
{
    public ValueTask<int> ReceiveAsync(Memory<byte> target, SocketFlags flags, CancellationToken cancellationToken) =>
        socket.ReceiveAsync(target, flags, cancellationToken);
}
