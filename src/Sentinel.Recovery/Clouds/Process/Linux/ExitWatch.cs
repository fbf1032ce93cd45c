using System.Runtime.InteropServices;
using Sentinel.Backends.Progress;

namespace Sentinel.Recovery.Clouds.Process.Linux;

/// <summary>
/// One thread that waits for any of our processes to end (pidfd_open(2)), and reaps those that are our children. .NET's own
/// handler of SIGCHLD reaps only what its Process class started, so the two do not meet.
/// </summary>
internal sealed unsafe class ExitWatch : IDisposable
{
    private const int BeatMilliseconds = 5000;
    private const int SignalInfoSize = 128;

    // struct epoll_event is packed on x86-64 alone.
    private static readonly int ItemSize = RuntimeInformation.ProcessArchitecture is Architecture.X64 ? 12 : 16;

    private readonly Dictionary<int, (ProcessIdentity Process, Action<ProcessExit> Exited)> _watched = [];
    private readonly Lock _lock = new();
    private readonly LoopProgress _progress;
    private readonly int _epoll = Libc.EpollCreate(Libc.CloseOnExec);
    private readonly int _wake = Libc.EventFd(0, Libc.CloseOnExec);
    private readonly Thread _thread;
    private volatile bool _stopping;

    public ExitWatch(LoopRegistry loops)
    {
        _progress = loops.Add("recovery.processes");
        Control(Libc.EpollAdd, _wake);
        _thread = new Thread(Run) { IsBackground = true, Name = "process exits" };
        _thread.Start();
    }

    /// <summary>Whether this kernel can do it: Linux 5.4.</summary>
    public static bool IsSupported()
    {
        var self = Libc.PidfdOpen(Environment.ProcessId);
        return self >= 0 && Libc.Close(self) == 0;
    }

    /// <param name="exited">Called once, on a thread of the pool.</param>
    /// <returns>False if there is no such process, or not the one that is meant.</returns>
    public bool Add(ProcessIdentity process, Action<ProcessExit> exited)
    {
        var pidfd = Libc.PidfdOpen(process.Pid);
        if (pidfd < 0)
        {
            return false;
        }

        // From here on the number cannot come to mean another process to us.
        if (ProcFiles.Stat(process.Pid) is not { } stat || stat.Process != process)
        {
            _ = Libc.Close(pidfd);
            return false;
        }

        lock (_lock)
        {
            _watched[pidfd] = (process, exited);
            Control(Libc.EpollAdd, pidfd);
        }

        return true;
    }

    public void Dispose()
    {
        if (_stopping)
        {
            return;
        }

        _stopping = true;
        ulong one = 1;
        _ = Libc.Write(_wake, (byte*)&one, sizeof(ulong));
        _thread.Join();
        foreach (var pidfd in _watched.Keys)
        {
            _ = Libc.Close(pidfd);
        }

        _ = Libc.Close(_wake);
        _ = Libc.Close(_epoll);
        _progress.Dispose();
    }

    private void Run()
    {
        const int Most = 64;
        var items = stackalloc byte[Most * 16];
        while (!_stopping)
        {
            _progress.Beat();
            var count = Libc.EpollWait(_epoll, items, Most, BeatMilliseconds);
            for (var i = 0; i < count; i++)
            {
                var pidfd = *(int*)(items + (i * ItemSize) + (ItemSize - sizeof(long)));
                if (pidfd != _wake)
                {
                    End(pidfd);
                }
            }
        }
    }

    private void End(int pidfd)
    {
        (ProcessIdentity Process, Action<ProcessExit> Exited) ended;
        ProcessExit exit;
        lock (_lock)
        {
            if (!_watched.Remove(pidfd, out ended))
            {
                return;
            }

            exit = Reap(pidfd, ended.Process);
            Control(Libc.EpollDelete, pidfd);
            _ = Libc.Close(pidfd);
        }

        ThreadPool.UnsafeQueueUserWorkItem(static ended => ended.Exited(ended.Exit), (ended.Exited, Exit: exit), preferLocal: false);
    }

    private static ProcessExit Reap(int pidfd, ProcessIdentity process)
    {
        var info = stackalloc byte[SignalInfoSize];
        new Span<byte>(info, SignalInfoSize).Clear();
        if (Libc.WaitId(Libc.WaitForPidfd, (uint)pidfd, info, Libc.WaitExitedNoHang) == 0 && *(int*)info != 0)
        {
            // si_code says which of the two si_status is: CLD_EXITED is 1.
            var (code, status) = (*(int*)(info + 8), *(int*)(info + (sizeof(nint) == 8 ? 24 : 20)));
            return code == 1 ? new(status, null) : new(null, status);
        }

        return Stranger(pidfd, process);
    }

    /// <summary>
    /// How a process ended that is not our child: newer kernels tell whoever holds its descriptor once its parent knows
    /// (Linux 6.15), and before that /proc tells whoever may trace it. Zero there may mean that we may not.
    /// </summary>
    private static ProcessExit Stranger(int pidfd, ProcessIdentity process)
    {
        const int InfoSize = 64;
        const ulong WantsExit = 1 << 3;
        var info = stackalloc byte[InfoSize];

        // Its parent may take it between the two looks: then the first will know.
        for (var i = 0; i < 2; i++)
        {
            new Span<byte>(info, InfoSize).Clear();
            *(ulong*)info = WantsExit;
            if (Libc.IoControl(pidfd, Libc.PidfdGetInfo, info) == 0 && (*(ulong*)info & WantsExit) != 0)
            {
                return ProcessExit.FromWaitStatus(*(int*)(info + InfoSize - sizeof(int)));
            }

            if (ProcFiles.Stat(process.Pid) is { HasEnded: true, ExitStatus: not 0 } stat && stat.Process == process)
            {
                return ProcessExit.FromWaitStatus(stat.ExitStatus);
            }
        }

        return ProcessExit.Unknown;
    }

    private void Control(int operation, int descriptor)
    {
        var item = stackalloc byte[16];
        new Span<byte>(item, 16).Clear();
        *(uint*)item = Libc.EpollIn;
        *(int*)(item + ItemSize - sizeof(long)) = descriptor;
        if (Libc.EpollControl(_epoll, operation, descriptor, item) != 0)
        {
            throw new IOException($"epoll_ctl: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }
}
