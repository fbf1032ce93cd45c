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

/// <summary>Where somebody is also answered.</summary>
internal interface IDuplexSocket : IReceiver
{
    /// <summary>Sends everything.</summary>
    /// <exception cref="SocketException">The connection broke.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="ObjectDisposedException">It was closed.</exception>
    ValueTask SendAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken);

    /// <summary>Sends no more: the peer reads an end after what was sent.</summary>
    /// <exception cref="SocketException">The connection broke.</exception>
    /// <exception cref="ObjectDisposedException">It was closed.</exception>
    void EndSending();
}

/// <summary>A socket that .NET waits for.</summary>
internal sealed class SocketReceiver(Socket socket) : IDuplexSocket
{
    public ValueTask<int> ReceiveAsync(Memory<byte> target, SocketFlags flags, CancellationToken cancellationToken) =>
        socket.ReceiveAsync(target, flags, cancellationToken);

    public async ValueTask SendAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken) =>
        await socket.SendAsync(source, SocketFlags.None, cancellationToken);

    public void EndSending() => socket.Shutdown(SocketShutdown.Send);
}
