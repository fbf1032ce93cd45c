using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Sentinel.Forwarding.Relay.Kernel;

/// <summary>
/// The kernel's table of connections (conntrack), over a netlink socket of its own for each visit, so that an answer that
/// comes late can confuse nobody. Needs CAP_NET_ADMIN. Calls block: milliseconds for thousands of connections.
/// </summary>
internal static partial class Tracker
{
    private const int FamilyNetlink = 16;
    private const int SocketRaw = 3;
    private const int CloseOnExec = 0x80000;
    private const int ProtocolNetfilter = 12;
    private const int NoSuchEntry = 2;
    private const int ReceiveTimeout = 5000; // milliseconds

    /// <summary>Shows every TCP connection with a rewritten destination to <paramref name="isToGo"/>, then has the kernel forget those for which it says true.</summary>
    /// <returns>Those that it has forgotten.</returns>
    /// <exception cref="Win32Exception">The kernel refused, or has no ctnetlink.</exception>
    /// <exception cref="SocketException">It did not answer in time, or so much that the socket overflowed.</exception>
    public static IReadOnlyList<TrackedFlow> Visit(Func<TrackedFlow, bool> isToGo)
    {
        using var socket = Open();
        socket.Send(TrackMessage.Dump());
        var buffer = new byte[64 * 1024];
        var (goners, requests) = (new List<TrackedFlow>(), new List<byte[]>());
        var isOver = false;
        while (!isOver)
        {
            var received = (ReadOnlySpan<byte>)buffer.AsSpan(0, socket.Receive(buffer));
            while (!isOver && TrackMessage.TryNext(ref received, out var message))
            {
                isOver = TrackMessage.IsEnd(message, out var errno);
                Throw(errno);
                if (!isOver && TrackMessage.Read(message) is { } flow && isToGo(flow))
                {
                    goners.Add(flow);
                    requests.Add(TrackMessage.Forget(message));
                }
            }
        }

        foreach (var request in requests)
        {
            socket.Send(request);
            var answer = (ReadOnlySpan<byte>)buffer.AsSpan(0, socket.Receive(buffer));
            if (TrackMessage.TryNext(ref answer, out var message) && TrackMessage.IsEnd(message, out var errno) && errno != NoSuchEntry)
            {
                Throw(errno);
            }
        }

        return goners;
    }

    private static void Throw(int errno)
    {
        if (errno != 0)
        {
            throw new Win32Exception(errno);
        }
    }

    private static Socket Open()
    {
        var descriptor = OpenSocket(FamilyNetlink, SocketRaw | CloseOnExec, ProtocolNetfilter);
        return descriptor < 0
            ? throw new Win32Exception(Marshal.GetLastPInvokeError())
            : new(new SafeSocketHandle(descriptor, ownsHandle: true)) { ReceiveTimeout = ReceiveTimeout };
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int OpenSocket(int family, int type, int protocol);
}
