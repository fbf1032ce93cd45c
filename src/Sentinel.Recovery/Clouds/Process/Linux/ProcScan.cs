using System.Globalization;

namespace Sentinel.Recovery.Clouds.Process.Linux;

/// <summary>
/// Finds what belongs to VMs, by three kinds of evidence, since each alone can be lost: the marker in the environment (a
/// program that writes its title over it destroys it), the session (a daemon leaves it), the log as standard output or
/// error (a daemon closes it). Scans that are asked for while one runs share the next.
/// </summary>
internal sealed class ProcScan
{
    private readonly Lock _lock = new();
    private Task<List<Found>> _running = Task.FromResult<List<Found>>([]);
    private Task<List<Found>>? _next;

    public async Task<IReadOnlyList<MarkedProcess>> RunAsync(IReadOnlyDictionary<string, VmMark> vms)
    {
        Task<List<Found>> scan;
        lock (_lock)
        {
            // One that runs already may have passed by what the caller is after.
            scan = _next ??= AfterAsync(_running);
        }

        var processes = await scan.ConfigureAwait(false);
        return [.. processes.Select(process => Match(process, vms)).OfType<MarkedProcess>()];
    }

    private async Task<List<Found>> AfterAsync(Task running)
    {
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        lock (_lock)
        {
            _running = _next!;
            _next = null;
        }

        return [.. ProcFiles.All().Where(stat => !stat.HasEnded && stat.Process.Pid != Environment.ProcessId).Select(Look)];
    }

    private static Found Look(ProcStat stat) => new(
        stat,
        ProcFiles.Variable(stat.Process.Pid, VmMarker.Variable),
        ProcFiles.OpenFile(stat.Process.Pid, 1),
        ProcFiles.OpenFile(stat.Process.Pid, 2));

    private static MarkedProcess? Match(Found found, IReadOnlyDictionary<string, VmMark> vms)
    {
        foreach (var (name, mark) in vms)
        {
            if (found.Marker?.StartsWith(mark.Marker, StringComparison.Ordinal) == true)
            {
                return new(found.Stat.Process, name, LeadsSession(found.Stat), long.TryParse(found.Marker.AsSpan(mark.Marker.Length), CultureInfo.InvariantCulture, out var run) ? run : null);
            }

            if (IsInSessionOf(found.Stat, mark.Leader) || mark.Logs.Any(log => log == found.Output || log == found.Error))
            {
                return new(found.Stat.Process, name, LeadsSession(found.Stat), null);
            }
        }

        return null;
    }

    private static bool LeadsSession(ProcStat stat) => stat.Session == stat.Process.Pid;

    /// <summary>The kernel gives out no number that still names a session; so if its leader is gone, or is the one we knew, the session is ours.</summary>
    private static bool IsInSessionOf(ProcStat stat, ProcessIdentity? leader) =>
        leader is { } known
        && stat.Session == known.Pid
        && stat.Process.StartedAt >= known.StartedAt
        && (ProcFiles.Stat(known.Pid) is not { } present || present.Process == known);

    private sealed record Found(ProcStat Stat, string? Marker, string? Output, string? Error);
}
