using System.Net.Sockets;
using System.Text;

namespace Sentinel.Recovery.Watching.Probes;

/// <summary>An SSH identification string arrives; other lines may come before it (RFC 4253 §4.2).</summary>
internal sealed class SshProbe(int port) : IProbe
{
    // A server may greet at length first, but not for ever.
    private const int MostBytes = 8192;

    public async Task<string?> CheckAsync(string host, CancellationToken cancellationToken)
    {
        using var socket = await TcpProbe.ConnectAsync(host, port, cancellationToken).ConfigureAwait(false);
        var buffer = new byte[MostBytes];
        var length = 0;
        while (length < buffer.Length)
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(length), SocketFlags.None, cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                return length == 0 ? "closed the connection without an SSH banner" : $"sent {Quote(buffer.AsSpan(0, length))} instead of an SSH banner";
            }

            length += read;
            if (HasBanner(buffer.AsSpan(0, length)))
            {
                return null;
            }
        }

        return $"sent {Quote(buffer)} instead of an SSH banner";
    }

    /// <summary>Whether some whole line begins as the protocol wants it.</summary>
    internal static bool HasBanner(ReadOnlySpan<byte> received)
    {
        for (var end = received.IndexOf((byte)'\n'); end >= 0; end = received.IndexOf((byte)'\n'))
        {
            if (received.StartsWith("SSH-2."u8) || received.StartsWith("SSH-1.99-"u8))
            {
                return true;
            }

            received = received[(end + 1)..];
        }

        return false;
    }

    private static string Quote(ReadOnlySpan<byte> received)
    {
        var text = new StringBuilder("\"");
        foreach (var b in received[..Math.Min(received.Length, 32)])
        {
            text.Append(b is >= 0x20 and < 0x7f ? (char)b : '.');
        }

        return text.Append('"').ToString();
    }
}
