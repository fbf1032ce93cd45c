using System.Runtime.InteropServices;
using Sentinel.Backends.Progress;

namespace Sentinel.Recovery.Clouds.Process.Linux;

/// <summary>Linux since 5.4: posix_spawn(3), pidfd_open(2), /proc.</summary>
internal sealed class LinuxProcessHost(LoopRegistry loops) : IProcessHost
{
    private const int NoEntry = 2;
    private const int NoExecutable = 8;
    private const int AccessDenied = 13;
    private const int NoDirectory = 20;

    private readonly ExitWatch _exits = new(loops);
    private readonly ProcScan _scan = new();

    public string BootId { get; } = ProcFiles.BootId();

    public SpawnOutcome Spawn(SpawnOrder order, Action<ProcessExit> exited)
    {
        if (CommandCheck.Problem(order.Settings, out var program) is { } problem)
        {
            return new(null, new(CloudResult.Misconfigured, problem));
        }

        var error = PosixSpawn.Run(program, order, out var pid);
        if (error != 0)
        {
            var result = error is NoEntry or NoExecutable or AccessDenied or NoDirectory ? CloudResult.Misconfigured : CloudResult.Fault;
            return new(null, new(result, $"{program}: {Marshal.GetPInvokeErrorMessage(error)}"));
        }

        // It is our child: until it is reaped its number is its own, ended or not.
        if (ProcFiles.Stat(pid) is { } stat && _exits.Add(stat.Process, exited))
        {
            return new(stat.Process, null);
        }

        // Most likely this process has no descriptors left. What nobody watches must not run.
        var reason = Marshal.GetLastPInvokeErrorMessage();
        Libc.Abandon(pid);
        return new(null, new(CloudResult.Fault, $"process {pid} cannot be watched: {reason}"));
    }

    public bool Adopt(ProcessIdentity process, Action<ProcessExit> exited) =>
        ProcFiles.Stat(process.Pid) is { HasEnded: false } && _exits.Add(process, exited);

    public Task<IReadOnlyList<MarkedProcess>> ScanAsync(IReadOnlyDictionary<string, VmMark> vms) => _scan.RunAsync(vms);

    public void End(ProcessIdentity process, bool force)
    {
        var pidfd = Libc.PidfdOpen(process.Pid);
        if (pidfd >= 0)
        {
            if (ProcFiles.Stat(process.Pid) is { } stat && stat.Process == process)
            {
                _ = Libc.PidfdSendSignal(pidfd, force ? Libc.SigKill : Libc.SigTerm);
            }

            _ = Libc.Close(pidfd);
        }
    }

    public void Dispose() => _exits.Dispose();
}
