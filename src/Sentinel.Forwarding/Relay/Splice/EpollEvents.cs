using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>
/// A batch of <c>struct epoll_event</c> (epoll_ctl(2)). The struct is packed to 12 bytes on x86 and has its natural
/// 16 on arm64, so it is read by offset.
/// </summary>
internal sealed unsafe class EpollEvents : IDisposable
{
    public const uint In = 0x001;
    public const uint Priority = 0x002;
    public const uint Out = 0x004;
    public const uint Error = 0x008;
    public const uint HangUp = 0x010;
    public const uint ReadHangUp = 0x2000;
    public const uint Exclusive = 1u << 28;
    public const uint EdgeTriggered = 1u << 31;

    private static readonly bool IsPacked = RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.X86;
    private static readonly int Stride = IsPacked ? 12 : 16;
    private static readonly int DataOffset = IsPacked ? 4 : 8;

    public EpollEvents(int capacity)
    {
        Capacity = capacity;
        Pointer = (byte*)NativeMemory.AllocZeroed((nuint)capacity, 16);
    }

    public int Capacity { get; }

    public byte* Pointer { get; }

    public uint EventsAt(int index) => Unsafe.ReadUnaligned<uint>(Pointer + index * Stride);

    public ulong DataAt(int index) => Unsafe.ReadUnaligned<ulong>(Pointer + index * Stride + DataOffset);

    /// <summary>Calls epoll_ctl with one entry; false leaves the reason in errno.</summary>
    public static bool Control(int epoll, int operation, int fd, uint events, ulong data)
    {
        var entry = stackalloc byte[16];
        Unsafe.WriteUnaligned(entry, events);
        Unsafe.WriteUnaligned(entry + DataOffset, data);
        return Libc.EpollControl(epoll, operation, fd, entry) == 0;
    }

    public void Dispose() => NativeMemory.Free(Pointer);
}
