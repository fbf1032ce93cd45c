using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Sentinel.Service.Lifetimes;

/// <summary>What systemd has in mind with the unit that this process belongs to: it does not say so to the process.</summary>
internal static class SystemdUnit
{
    // A machine that is busy takes seconds to start a program, and connections go on meanwhile.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Whether another process of the unit follows this one, which is about to end, and gets what is in the
    /// file-descriptor store. Our unit's ExecStop= has written down what systemd plans. True where nobody can tell: a stop for good then ends connections at once that
    /// could have been drained, and not the other way about.
    /// </summary>
    public static async Task<bool> HasSuccessorAsync(TimeProvider time, ILogger logger)
    {
        if (Name(await ReadAsync("/proc/self/cgroup").ConfigureAwait(false) ?? "") is not { } unit)
        {
            return false;
        }

        var plans = await ReadAsync(Path.Combine(Environment.GetEnvironmentVariable("RUNTIME_DIRECTORY") ?? "", "stopping")).ConfigureAwait(false)
            ?? await AskAsync(unit, time).ConfigureAwait(false);
        if (plans is null)
        {
            Log.SystemdIsSilent(logger);
            return true;
        }

        if (IsStopped(plans, unit))
        {
            return false;
        }

        if (!HasRoom(plans))
        {
            Log.StoreIsFull(logger, unit);
            return false;
        }

        return true;
    }

    /// <summary>The unit of a process.</summary>
    /// <param name="groups">Its /proc/PID/cgroup (cgroups(7)).</param>
    internal static string? Name(string groups)
    {
        foreach (var line in groups.Split('\n'))
        {
            if (line.Split('/') is [var hierarchy, .., var last] && (hierarchy.StartsWith("0:", StringComparison.Ordinal) || hierarchy.Contains("name=systemd", StringComparison.Ordinal))
                && last.EndsWith(".service", StringComparison.Ordinal))
            {
                return last;
            }
        }

        return null;
    }

    /// <summary>Whether a job stops the unit for good: a restart is a job of its own kind, and one without a job is restarted by Restart=.</summary>
    /// <param name="plans">Among them lines of id, unit, kind and state.</param>
    internal static bool IsStopped(string plans, string unit) => plans.Split('\n')
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Any(job => job is [_, var name, "stop", ..] && name == unit);

    /// <summary>Whether one more descriptor finds room in the unit's store, as far as can be told.</summary>
    /// <param name="plans">Among them lines of <c>systemctl show</c>.</param>
    internal static bool HasRoom(string plans)
    {
        return Number("FileDescriptorStoreMax=") is not { } most || most > (Number("NFileDescriptorStore=") ?? 0);

        int? Number(string name) => plans.Split('\n').FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal)) is { } line
            && int.TryParse(line.AsSpan(name.Length), CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    private static async Task<string?> ReadAsync(string file)
    {
        try
        {
            return await File.ReadAllTextAsync(file).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // For a unit without our ExecStop=. The bus knows no users of DynamicUser= on many systems, and refuses them.
    private static async Task<string?> AskAsync(string unit, TimeProvider time)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        return await RunAsync(patience.Token, "list-jobs", "--plain", "--no-legend", "--no-pager").ConfigureAwait(false) is { } jobs
            ? jobs + await RunAsync(patience.Token, "show", "--property=FileDescriptorStoreMax,NFileDescriptorStore", unit).ConfigureAwait(false)
            : null;
    }

    /// <returns>What systemctl wrote; null if it failed.</returns>
    private static async Task<string?> RunAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        try
        {
            using var systemctl = Process.Start(new ProcessStartInfo("systemctl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            try
            {
                var output = await systemctl.StandardOutput.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
                await systemctl.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
                return systemctl.ExitCode == 0 ? output : null;
            }
            catch (OperationCanceledException)
            {
                systemctl.Kill();
                return null;
            }
        }
        catch (Win32Exception)
        {
            return null; // there is none
        }
    }
}
