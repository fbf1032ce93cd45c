using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Sentinel.Certificates.Dns;

/// <summary>Asks one server one question: over UDP, and over TCP when the answer does not fit (RFC 1035 §4.2, RFC 7766 §5).</summary>
internal static class DnsClient
{
    private const int LargestDatagram = 4096;
    private const int Tries = 2;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <param name="recursive">Whether the server is to find out what it does not know.</param>
    /// <returns>Null if no answer comes.</returns>
    public static async Task<DnsReply?> AskAsync(IPEndPoint server, string name, DnsKind kind, bool recursive, TimeProvider time, CancellationToken cancellationToken)
    {
        for (var left = Tries; left > 0; left--)
        {
            // Source port and id are random, so that a stranger has to guess both.
            var id = BinaryPrimitives.ReadUInt16LittleEndian(RandomNumberGenerator.GetBytes(2));
            var question = DnsMessage.Ask(id, name, kind, recursive);
            using var late = new CancellationTokenSource(Patience, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
            try
            {
                var reply = await ByDatagramAsync(server, question, id, name, kind, either.Token).ConfigureAwait(false);
                return reply.IsTruncated ? await ByStreamAsync(server, question, id, name, kind, either.Token).ConfigureAwait(false) : reply;
            }
            catch (Exception e) when (e is SocketException or IOException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                // Once more, then it counts as silent.
            }
        }

        return null;
    }

    private static async Task<DnsReply> ByDatagramAsync(IPEndPoint server, byte[] question, ushort id, string name, DnsKind kind, CancellationToken cancellationToken)
    {
        // Connected: datagrams of others do not arrive.
        using var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(server, cancellationToken).ConfigureAwait(false);
        await socket.SendAsync(question, cancellationToken).ConfigureAwait(false);
        var buffer = new byte[LargestDatagram];
        while (true)
        {
            var length = await socket.ReceiveAsync(buffer, cancellationToken).ConfigureAwait(false);
            if (DnsMessage.Read(buffer.AsSpan(0, length), id, name, kind) is { } reply)
            {
                return reply;
            }
        }
    }

    private static async Task<DnsReply?> ByStreamAsync(IPEndPoint server, byte[] question, ushort id, string name, DnsKind kind, CancellationToken cancellationToken)
    {
        using var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server, cancellationToken).ConfigureAwait(false);
        await using var stream = new NetworkStream(socket);
        var length = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)question.Length);
        await stream.WriteAsync((byte[])[.. length, .. question], cancellationToken).ConfigureAwait(false);
        await stream.ReadExactlyAsync(length, cancellationToken).ConfigureAwait(false);
        var answer = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
        await stream.ReadExactlyAsync(answer, cancellationToken).ConfigureAwait(false);
        return DnsMessage.Read(answer, id, name, kind);
    }
}
