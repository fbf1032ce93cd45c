using System.Buffers.Binary;
using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Sentinel.Jump.Sessions;

/// <summary>
/// Ends a connection of another process, exactly that one: the kernel aborts it (sock_diag(7), SOCK_DESTROY), its owner
/// reads ECONNABORTED and its peer is sent a reset. Needs CAP_NET_ADMIN and a kernel with INET_DIAG_DESTROY, as distributions have it.
/// </summary>
internal static partial class ConnectionEnd
{
    private const int AddressFamilyNetlink = 16;
    private const int DatagramCloseOnExec = 2 | 0x80000;
    private const int SocketDiagnosis = 4; // NETLINK_SOCK_DIAG
    private const ushort Destroy = 21; // SOCK_DESTROY
    private const ushort RequestWithAnswer = 0x1 | 0x4; // NLM_F_REQUEST | NLM_F_ACK
    private const int HeaderLength = 16;
    private const int RequestLength = 56; // struct inet_diag_req_v2
    private const byte Tcp = 6;
    private const int NoSuchConnection = -2; // ENOENT

    /// <summary>Aborts it.</summary>
    /// <returns>Null if it has ended, by this or before; else why it goes on.</returns>
    public static string? Abort(Connection connection)
    {
        var socket = Open(AddressFamilyNetlink, DatagramCloseOnExec, SocketDiagnosis);
        if (socket < 0)
        {
            return Error(Marshal.GetLastPInvokeError());
        }

        try
        {
            var request = Request(connection);
            Span<byte> answer = stackalloc byte[512];
            if (Send(socket, request, request.Length, 0) < 0 || Receive(socket, answer, answer.Length, 0) < HeaderLength + 4)
            {
                return Error(Marshal.GetLastPInvokeError());
            }

            var status = MemoryMarshal.Read<int>(answer[HeaderLength..]); // NLMSG_ERROR: a negative errno, or zero
            return status is 0 or NoSuchConnection ? null : Error(-status);
        }
        finally
        {
            _ = Close(socket);
        }
    }

    private static byte[] Request(Connection connection)
    {
        var bytes = new byte[HeaderLength + RequestLength];
        MemoryMarshal.Write(bytes.AsSpan(0), bytes.Length);
        MemoryMarshal.Write(bytes.AsSpan(4), Destroy);
        MemoryMarshal.Write(bytes.AsSpan(6), RequestWithAnswer);

        var body = bytes.AsSpan(HeaderLength);
        var isV4 = connection.Peer.AddressFamily == AddressFamily.InterNetwork;
        (body[0], body[1]) = ((byte)(isV4 ? 2 : 10), Tcp);
        MemoryMarshal.Write(body[4..], uint.MaxValue); // in whatever state
        BinaryPrimitives.WriteUInt16BigEndian(body[8..], (ushort)connection.Local.Port);
        BinaryPrimitives.WriteUInt16BigEndian(body[10..], (ushort)connection.Peer.Port);
        connection.Local.Address.TryWriteBytes(body[12..], out _);
        connection.Peer.Address.TryWriteBytes(body[28..], out _);
        MemoryMarshal.Write(body[48..], ulong.MaxValue); // INET_DIAG_NOCOOKIE: whatever its cookie
        return bytes;
    }

    private static string Error(int errno) => errno switch
    {
        1 => "not permitted: the daemon needs CAP_NET_ADMIN",
        95 => "this kernel cannot (INET_DIAG_DESTROY)",
        _ => new Win32Exception(errno).Message,
    };

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int Open(int family, int kind, int protocol);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(int socket, ReadOnlySpan<byte> bytes, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(int socket, Span<byte> bytes, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int socket);
}
