using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Sentinel.Service.Demo;

/// <summary>What a preemption is to a machine: everything on it ends at once.</summary>
internal static partial class Killing
{
    private const int KillSignal = 9;

    /// <summary>Kills a process and all of its group.</summary>
    public static void Group(int leader)
    {
        if (OperatingSystem.IsWindows())
        {
            try
            {
                using var process = Process.GetProcessById(leader);
                process.Kill(entireProcessTree: true);
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException)
            {
                // It ended meanwhile.
            }
        }
        else
        {
            _ = Kill(-leader, KillSignal);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
