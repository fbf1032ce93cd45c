using System.Buffers;
using System.Net.Sockets;
using Sentinel.Forwarding.Prefaces;

namespace Sentinel.Forwarding.Http.Tls;

/// <summary>What somebody is told, without encryption, who does not begin with a ClientHello.</summary>
internal static class ClearRefusal
{
    // A reset overtakes the answer if something is left unread; what a client may have sent already is little.
    private const int MostReadAway = 64 * 1024;

    /// <summary>For somebody who speaks HTTP to a port of HTTPS.</summary>
    public static readonly ReadOnlyMemory<byte> PlainHttp =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 57\r\nCache-Control: no-store\r\nConnection: close\r\n\r\nThis port speaks HTTPS. Use a URL that begins with https:"u8.ToArray();

    /// <summary>For somebody whose ClientHello cannot be read: a fatal alert, decode_error (RFC 8446 §6).</summary>
    public static readonly ReadOnlyMemory<byte> BrokenHello = new byte[] { 21, 3, 1, 0, 2, 2, 50 };

    /// <summary>Says it, and waits until the client has closed or enough time has passed. The socket stays the caller's.</summary>
    /// <exception cref="SocketException">The connection broke.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="OperationCanceledException">The client took too long.</exception>
    public static async Task GiveAsync(IDuplexSocket socket, ReadOnlyMemory<byte> answer, CancellationToken cancellationToken)
    {
        await socket.SendAsync(answer, cancellationToken);
        socket.EndSending();
        var buffer = ArrayPool<byte>.Shared.Rent(4096);
        try
        {
            var read = 0;
            for (int length; read < MostReadAway && (length = await socket.ReceiveAsync(buffer, SocketFlags.None, cancellationToken)) > 0; read += length)
            {
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
