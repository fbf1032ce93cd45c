using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using SystemProcess = System.Diagnostics.Process;

namespace Sentinel.Recovery.Clouds.Process.Portable;

/// <summary>
/// Any system, through .NET's own Process: Windows, and Linux before 5.4. Less sure than the Linux host: a VM's descendants
/// are known only as long as their parents run, its output ends with the daemon, and how an adopted one ended is unknown.
/// </summary>
internal sealed class PortableProcessHost : IProcessHost
{
    private readonly ConcurrentDictionary<ProcessIdentity, SystemProcess> _processes = [];

    /// <summary>Start times are absolute here, so no two machines' runs can be mixed up.</summary>
    public string BootId => "any";

    public SpawnOutcome Spawn(SpawnOrder order, Action<ProcessExit> exited)
    {
        if (CommandCheck.Problem(order.Settings, out var program) is { } problem)
        {
            return new(null, new(CloudResult.Misconfigured, problem));
        }

        var start = new ProcessStartInfo(program, order.Settings.Command.Skip(1))
        {
            UseShellExecute = false,
            CreateNoWindow = true,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = order.Settings.WorkingDirectory ?? "",
        };
        start.Environment.Clear();
        foreach (var (name, value) in order.Environment)
        {
            start.Environment[name] = value;
        }

        try
        {
            var process = SystemProcess.Start(start)!;
            process.StandardInput.Close();
            _ = LogAsync(process, order.Log);
            var identity = IdentityOf(process);
            Watch(identity, process, isOurs: true, exited);
            return new(identity, null);
        }
        catch (Exception e) when (e is Win32Exception or IOException or InvalidOperationException)
        {
            return new(null, new(CloudResult.Misconfigured, $"{program}: {e.Message}"));
        }
    }

    public bool Adopt(ProcessIdentity process, Action<ProcessExit> exited)
    {
        if (Find(process) is not { } running)
        {
            return false;
        }

        Watch(process, running, isOurs: false, exited);
        return true;
    }

    public Task<IReadOnlyList<MarkedProcess>> ScanAsync(IReadOnlyDictionary<string, VmMark> vms) => Task.FromResult<IReadOnlyList<MarkedProcess>>(
    [
        .. from vm in vms
           where vm.Value.Leader is { } leader && Find(leader) is not null
           select new MarkedProcess(vm.Value.Leader!.Value, vm.Key, LeadsSession: true, Incarnation: null),
    ]);

    public void End(ProcessIdentity process, bool force)
    {
        try
        {
            // There is no polite way that every system has.
            Find(process)?.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException or AggregateException)
        {
            // it ended by itself
        }
    }

    public void Dispose()
    {
        foreach (var process in _processes.Values)
        {
            process.Dispose();
        }
    }

    private static ProcessIdentity IdentityOf(SystemProcess process) => new(process.Id, process.StartTime.ToUniversalTime().Ticks);

    private static async Task LogAsync(SystemProcess process, string path)
    {
        try
        {
            await using var log = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
            await Task.WhenAll(process.StandardOutput.BaseStream.CopyToAsync(log), process.StandardError.BaseStream.CopyToAsync(log)).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            // its output is lost, it is not
        }
    }

    private SystemProcess? Find(ProcessIdentity identity)
    {
        if (_processes.TryGetValue(identity, out var known))
        {
            return known;
        }

        try
        {
            var process = SystemProcess.GetProcessById(identity.Pid);
            if (!process.HasExited && IdentityOf(process) == identity)
            {
                return process;
            }

            process.Dispose();
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception)
        {
            // there is none, or it is not ours to look at
        }

        return null;
    }

    private void Watch(ProcessIdentity identity, SystemProcess process, bool isOurs, Action<ProcessExit> exited)
    {
        _processes[identity] = process;
        _ = WaitAsync();

        async Task WaitAsync()
        {
            await process.WaitForExitAsync().ConfigureAwait(false);
            _processes.TryRemove(identity, out _);
            exited(isOurs ? ExitOf(process.ExitCode) : ProcessExit.Unknown);
            process.Dispose();
        }
    }

    /// <summary>Where there are signals, .NET adds 128 to the one that killed a process.</summary>
    private static ProcessExit ExitOf(int code) => !OperatingSystem.IsWindows() && code is > 128 and < 160 ? new(null, code - 128) : new(code, null);
}
