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
    private const ushort Find = 20; // SOCK_DIAG_BY_FAMILY
    private const ushort Destroy = 21; // SOCK_DESTROY
    private const ushort Failure = 2; // NLMSG_ERROR, also for success
    private const ushort Request = 0x1; // NLM_F_REQUEST
    private const ushort WithAnswer = 0x4; // NLM_F_ACK
    private const int HeaderLength = 16;
    private const int QuestionLength = 56; // struct inet_diag_req_v2
    private const int FindingLength = 72; // struct inet_diag_msg
    private const byte Tcp = 6;
    private const byte Listening = 10;
    private const ulong NoCookie = ulong.MaxValue; // INET_DIAG_NOCOOKIE: whichever has these two ends
    private const int NoSuchConnection = 2; // ENOENT
    private const int BadMessage = 74; // EBADMSG
    private const int AnotherConnection = 116; // ESTALE: the cookie is not its

    /// <summary>Aborts it.</summary>
    /// <returns>Null if it has ended, by this or before; else why it goes on.</returns>
    /// <remarks>
    /// Who asks the kernel for a connection that has ended gets the socket that listens at its local end, and aborting that
    /// would end the listening for all. So the connection is found first, and aborted by the cookie that is its alone.
    /// </remarks>
    public static string? Abort(Connection connection)
    {
        var socket = Open(AddressFamilyNetlink, DatagramCloseOnExec, SocketDiagnosis);
        if (socket < 0)
        {
            return Error(Marshal.GetLastPInvokeError());
        }

        try
        {
            Span<byte> found = stackalloc byte[512];
            var errno = Ask(socket, Find, Request, connection, NoCookie, found);
            var isGone = errno == 0 && found[HeaderLength + 1] == Listening;
            if (errno == 0 && !isGone)
            {
                errno = Ask(socket, Destroy, Request | WithAnswer, connection, MemoryMarshal.Read<ulong>(found[(HeaderLength + 44)..]), stackalloc byte[512]);
            }

            return isGone || errno is 0 or NoSuchConnection or AnotherConnection ? null : Error(errno);
        }
        finally
        {
            _ = Close(socket);
        }
    }

    /// <returns>Zero, or what went wrong.</returns>
    private static int Ask(int socket, ushort what, ushort flags, Connection connection, ulong cookie, Span<byte> answer)
    {
        var question = Question(what, flags, connection, cookie);
        if (Send(socket, question, question.Length, 0) < 0)
        {
            return Marshal.GetLastPInvokeError();
        }

        var length = Receive(socket, answer, answer.Length, 0);
        if (length < 0)
        {
            return Marshal.GetLastPInvokeError();
        }

        if (length >= HeaderLength + 4 && MemoryMarshal.Read<ushort>(answer[4..]) == Failure)
        {
            return -MemoryMarshal.Read<int>(answer[HeaderLength..]); // a negative errno, or zero
        }

        return length >= HeaderLength + FindingLength ? 0 : BadMessage;
    }

    private static byte[] Question(ushort what, ushort flags, Connection connection, ulong cookie)
    {
        var bytes = new byte[HeaderLength + QuestionLength];
        MemoryMarshal.Write(bytes.AsSpan(0), bytes.Length);
        MemoryMarshal.Write(bytes.AsSpan(4), what);
        MemoryMarshal.Write(bytes.AsSpan(6), flags);

        var body = bytes.AsSpan(HeaderLength);
        var isV4 = connection.Peer.AddressFamily == AddressFamily.InterNetwork;
        (body[0], body[1]) = ((byte)(isV4 ? 2 : 10), Tcp);
        MemoryMarshal.Write(body[4..], uint.MaxValue); // in whatever state
        BinaryPrimitives.WriteUInt16BigEndian(body[8..], (ushort)connection.Local.Port);
        BinaryPrimitives.WriteUInt16BigEndian(body[10..], (ushort)connection.Peer.Port);
        connection.Local.Address.TryWriteBytes(body[12..], out _);
        connection.Peer.Address.TryWriteBytes(body[28..], out _);
        MemoryMarshal.Write(body[48..], cookie);
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
