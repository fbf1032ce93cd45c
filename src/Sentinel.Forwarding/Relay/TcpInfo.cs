using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Sentinel.Forwarding.Relay;

/// <summary>What the kernel of Linux knows of a connection (linux/tcp.h, struct tcp_info). A newer kernel only appends to it.</summary>
internal readonly ref struct TcpInfo
{
    /// <summary>Bytes to read: all fields used here.</summary>
    public const int Size = NotSentAt + sizeof(uint);

    /// <summary>TCP_INFO, an option of level <see cref="Level"/>.</summary>
    public const int Option = 11;

    /// <summary>IPPROTO_TCP.</summary>
    public const int Level = 6;

    private const byte Closed = 7;
    private const int ProbesAt = 3;
    private const int UnacknowledgedAt = 24;
    private const int NotSentAt = 144;

    private readonly ReadOnlySpan<byte> _info;

    /// <param name="info">What getsockopt gave; if it is shorter than <see cref="Size"/>, the kernel is too old and everything reads as zero.</param>
    public TcpInfo(ReadOnlySpan<byte> info) => _info = info.Length >= Size ? info : new byte[Size];

    /// <summary>The connection is over on both sides, or was reset.</summary>
    public bool IsClosed => _info[0] == Closed;

    /// <summary>Probes of a closed window or an idle connection that were not answered.</summary>
    public int UnansweredProbes => _info[ProbesAt];

    /// <summary>Segments sent and not acknowledged.</summary>
    public uint Unacknowledged => MemoryMarshal.Read<uint>(_info[UnacknowledgedAt..]);

    /// <summary>Bytes that wait to be sent.</summary>
    public uint NotSent => MemoryMarshal.Read<uint>(_info[NotSentAt..]);

    /// <summary>
    /// Whether the end of the stream that was just read from a connection is that of a reset. Linux reports a reset once:
    /// when a send has taken the error away, a read sees an orderly end. Ask only while we have not finished sending.
    /// </summary>
    public static bool WasReset(Socket socket)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        Span<byte> info = stackalloc byte[Size];
        return new TcpInfo(info[..socket.GetRawSocketOption(Level, Option, info)]).IsClosed;
    }
}
