using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Sentinel.Forwarding.HandOver;

/// <summary>Messages that carry descriptors from process to process (unix(7), SCM_RIGHTS), which .NET's sockets cannot.</summary>
[SupportedOSPlatform("linux")]
public static unsafe partial class DescriptorMessage
{
    /// <summary>Descriptors that fit into one message: SCM_MAX_FD of the kernel.</summary>
    public const int MaxDescriptors = 253;

    private const int SolSocket = 1;
    private const int ScmRights = 1;
    private const int NoSignal = 0x4000;
    private const int DontWait = 0x40;
    private const int CloseOnExec = 0x40000000;
    private const int ControlTruncated = 8;
    private const int Interrupted = 4;

    // cmsg(3): the header is as long as its alignment asks
    private static readonly int ControlHeader = sizeof(ControlMessage);

    /// <summary>Sends one message.</summary>
    /// <param name="socket">A Unix socket that keeps messages apart (datagrams or sequenced packets).</param>
    /// <param name="data">At least one byte.</param>
    /// <param name="descriptors">The receiver gets duplicates; they stay the caller's. At most <see cref="MaxDescriptors"/>.</param>
    /// <param name="address">Where to, as sockaddr_un; empty for a connected socket.</param>
    /// <exception cref="SocketException">The other side is gone, or its queue is full and the socket does not wait.</exception>
    public static void Send(SafeHandle socket, ReadOnlySpan<byte> data, ReadOnlySpan<int> descriptors, ReadOnlySpan<byte> address = default)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Length, MaxDescriptors);
        var space = SpaceFor(descriptors.Length);
        var control = stackalloc byte[space];
        new Span<byte>(control, space).Clear();
        fixed (byte* bytes = data, to = address)
        {
            var vector = new IoVector { Base = bytes, Length = (nuint)data.Length };
            var message = new Message { Name = to, NameLength = (uint)address.Length, Vector = &vector, VectorCount = 1 };
            if (descriptors.Length > 0)
            {
                *(ControlMessage*)control = new() { Length = (nuint)(ControlHeader + (descriptors.Length * sizeof(int))), Level = SolSocket, Type = ScmRights };
                descriptors.CopyTo(new Span<int>(control + ControlHeader, descriptors.Length));
                message.Control = control;
                message.ControlLength = (nuint)space;
            }

            while (SendMessage(socket, &message, NoSignal) < 0)
            {
                ThrowUnlessInterrupted();
            }
        }
    }

    /// <summary>Takes one message that is there.</summary>
    /// <param name="socket">A Unix socket that keeps messages apart.</param>
    /// <param name="data">Where its bytes go; what does not fit is lost.</param>
    /// <param name="descriptors">What came with it, closed on exec; the caller's now.</param>
    /// <returns>Its length; zero once the other side is closed and nothing is left.</returns>
    /// <exception cref="SocketException">Nothing is there; or this process is out of descriptors, and those of the message are lost.</exception>
    public static int Receive(SafeHandle socket, Span<byte> data, out int[] descriptors)
    {
        var space = SpaceFor(MaxDescriptors);
        var control = stackalloc byte[space];
        fixed (byte* bytes = data)
        {
            var vector = new IoVector { Base = bytes, Length = (nuint)data.Length };
            var message = new Message { Vector = &vector, VectorCount = 1, Control = control, ControlLength = (nuint)space };
            nint received;
            while ((received = ReceiveMessage(socket, &message, CloseOnExec | DontWait)) < 0)
            {
                ThrowUnlessInterrupted();
            }

            var header = (ControlMessage*)control;
            descriptors = message.ControlLength < (nuint)ControlHeader || header->Level != SolSocket || header->Type != ScmRights
                ? []
                : new Span<int>(control + ControlHeader, ((int)header->Length - ControlHeader) / sizeof(int)).ToArray();
            if ((message.Flags & ControlTruncated) == 0)
            {
                return (int)received;
            }

            foreach (var descriptor in descriptors)
            {
                new SafeSocketHandle(descriptor, ownsHandle: true).Dispose();
            }

            throw new SocketException((int)SocketError.TooManyOpenSockets);
        }
    }

    private static int SpaceFor(int descriptors) => ControlHeader + (((descriptors * sizeof(int)) + sizeof(nuint) - 1) & ~(sizeof(nuint) - 1));

    private static void ThrowUnlessInterrupted()
    {
        if (Marshal.GetLastPInvokeError() != Interrupted)
        {
            throw new SocketException(); // of the last P/Invoke's error
        }
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(SafeHandle socket, Message* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint ReceiveMessage(SafeHandle socket, Message* message, int flags);

    // struct iovec
    private struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    // struct msghdr of 64-bit Linux
    private struct Message
    {
        public byte* Name;
        public uint NameLength;
        public IoVector* Vector;
        public nuint VectorCount;
        public byte* Control;
        public nuint ControlLength;
        public int Flags;
    }

    // struct cmsghdr of 64-bit Linux
    private struct ControlMessage
    {
        public nuint Length;
        public int Level;
        public int Type;
    }
}
