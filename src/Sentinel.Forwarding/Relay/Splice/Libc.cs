using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

[assembly: DisableRuntimeMarshalling]

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>
/// The system calls of the loop, blittable throughout. Those that never block skip the switch of GC modes, which
/// delays a collection by at most the length of one call; <see cref="EpollWait"/> blocks and must not.
/// </summary>
internal static unsafe partial class Libc
{
    public const int SockStream = 1;
    public const int NonBlock = 0x800;
    public const int CloseOnExec = 0x80000;
    public const int MsgPeek = 2;
    public const int MsgNoSignal = 0x4000;
    public const int ShutdownWrite = 1;

    public const int SpliceMove = 1;
    public const int SpliceNonBlock = 2;

    public const int EpollCtlAdd = 1;
    public const int EpollCtlDelete = 2;
    public const int EpollCtlModify = 3;

    public const int SchedulerOther = 0;
    public const int SchedulerBatch = 3;
    public const int ThreadClock = 3;

    public const int FcntlGetFlags = 3;
    public const int FcntlSetFlags = 4;
    public const int FcntlDuplicate = 1030;
    public const int FcntlSetPipeSize = 1031;

    [LibraryImport("libc", EntryPoint = "epoll_create1")]
    public static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_wait")]
    public static partial int EpollWait(int epoll, byte* events, int max, int milliseconds);

    [LibraryImport("libc", EntryPoint = "sched_setscheduler")]
    [SuppressGCTransition]
    public static partial int SetScheduler(int thread, int policy, int* priority);

    [LibraryImport("libc", EntryPoint = "sched_getscheduler")]
    [SuppressGCTransition]
    public static partial int GetScheduler(int thread);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    [SuppressGCTransition]
    public static partial int GetTime(int clock, long* secondsAndNanoseconds);

    [LibraryImport("libc", EntryPoint = "epoll_ctl")]
    [SuppressGCTransition]
    public static partial int EpollControl(int epoll, int operation, int fd, byte* entry);

    [LibraryImport("libc", EntryPoint = "eventfd")]
    public static partial int EventFd(uint value, int flags);

    [LibraryImport("libc", EntryPoint = "accept4")]
    [SuppressGCTransition]
    public static partial int Accept(int fd, byte* address, int* addressLength, int flags);

    [LibraryImport("libc", EntryPoint = "socket")]
    [SuppressGCTransition]
    public static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "connect")]
    [SuppressGCTransition]
    public static partial int Connect(int fd, byte* address, int addressLength);

    [LibraryImport("libc", EntryPoint = "getsockname")]
    [SuppressGCTransition]
    public static partial int GetSocketName(int fd, byte* address, int* addressLength);

    [LibraryImport("libc", EntryPoint = "recv")]
    [SuppressGCTransition]
    public static partial nint Receive(int fd, byte* buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "send")]
    [SuppressGCTransition]
    public static partial nint Send(int fd, byte* buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "splice")]
    [SuppressGCTransition]
    public static partial nint Splice(int from, long* fromOffset, int to, long* toOffset, nint length, uint flags);

    [LibraryImport("libc", EntryPoint = "shutdown")]
    [SuppressGCTransition]
    public static partial int Shutdown(int fd, int how);

    [LibraryImport("libc", EntryPoint = "close")]
    [SuppressGCTransition]
    public static partial int Close(int fd);

    [LibraryImport("libc", EntryPoint = "read")]
    [SuppressGCTransition]
    public static partial nint Read(int fd, byte* buffer, nint length);

    [LibraryImport("libc", EntryPoint = "write")]
    [SuppressGCTransition]
    public static partial nint Write(int fd, byte* buffer, nint length);

    [LibraryImport("libc", EntryPoint = "setsockopt")]
    [SuppressGCTransition]
    public static partial int SetOption(int fd, int level, int name, void* value, int length);

    [LibraryImport("libc", EntryPoint = "getsockopt")]
    [SuppressGCTransition]
    public static partial int GetOption(int fd, int level, int name, void* value, int* length);

    [LibraryImport("libc", EntryPoint = "pipe2")]
    public static partial int Pipe(int* ends, int flags);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    public static partial int Fcntl(int fd, int command, nint argument);

    /// <summary>Where this thread's errno is. The same place for the life of the thread.</summary>
    [LibraryImport("libc", EntryPoint = "__errno_location")]
    [SuppressGCTransition]
    public static partial int* ErrnoLocation();
}
