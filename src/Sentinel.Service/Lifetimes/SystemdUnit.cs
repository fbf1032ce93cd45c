using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Sentinel.Service.Lifetimes;

/// <summary>What systemd has in mind with the unit that this process belongs to: it does not say so to the process.</summary>
internal static class SystemdUnit
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Whether another process of the unit follows this one, which is about to end, and gets what is in the
    /// file-descriptor store. True where systemd does not answer: a stop for good then ends connections at once that
    /// could have been drained, and not the other way about.
    /// </summary>
    public static async Task<bool> HasSuccessorAsync(TimeProvider time, ILogger logger)
    {
        if (Name(await ReadGroupsAsync().ConfigureAwait(false)) is not { } unit)
        {
            return false;
        }

        using var patience = new CancellationTokenSource(Patience, time);
        var jobs = AskAsync(patience.Token, "list-jobs", "--plain", "--no-legend", "--no-pager");
        var store = AskAsync(patience.Token, "show", "--property=FileDescriptorStoreMax,NFileDescriptorStore", unit);
        if (IsStopped(await jobs.ConfigureAwait(false), unit))
        {
            return false;
        }

        if (!HasRoom(await store.ConfigureAwait(false)))
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
    /// <param name="jobs">Lines of id, unit, kind and state.</param>
    internal static bool IsStopped(string jobs, string unit) => jobs.Split('\n')
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Any(job => job is [_, var name, "stop", ..] && name == unit);

    /// <summary>Whether one more descriptor finds room in the unit's store, as far as can be told.</summary>
    /// <param name="properties">Lines of <c>systemctl show</c>.</param>
    internal static bool HasRoom(string properties)
    {
        return Number("FileDescriptorStoreMax=") is not { } most || most > (Number("NFileDescriptorStore=") ?? 0);

        int? Number(string name) => properties.Split('\n').FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal)) is { } line
            && int.TryParse(line.AsSpan(name.Length), CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    private static async Task<string> ReadGroupsAsync()
    {
        try
        {
            return await File.ReadAllTextAsync("/proc/self/cgroup").ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static async Task<string> AskAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        try
        {
            using var systemctl = Process.Start(new ProcessStartInfo("systemctl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            try
            {
                return await systemctl.StandardOutput.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                systemctl.Kill();
                return "";
            }
        }
        catch (Win32Exception)
        {
            return ""; // there is none
        }
    }
}
