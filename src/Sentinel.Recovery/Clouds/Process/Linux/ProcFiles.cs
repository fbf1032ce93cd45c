using System.Globalization;
using System.Text;

namespace Sentinel.Recovery.Clouds.Process.Linux;

/// <summary>What /proc tells of a process (proc(5)).</summary>
internal static class ProcFiles
{
    /// <summary>Changes with every start of the machine.</summary>
    public static string BootId()
    {
        try
        {
            return File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>Every process that can be seen, kernel threads left out.</summary>
    public static IEnumerable<ProcStat> All()
    {
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && Stat(pid) is { IsKernelThread: false } stat)
            {
                yield return stat;
            }
        }
    }

    /// <summary>One process; null if there is none.</summary>
    public static ProcStat? Stat(int pid)
    {
        if (Read($"/proc/{pid}/stat") is not { Length: > 0 } bytes)
        {
            return null;
        }

        // The second field is the program's name in brackets, and may hold spaces and brackets itself.
        var text = Encoding.Latin1.GetString(bytes);
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return new(
            new(pid, long.Parse(fields[22 - 3], CultureInfo.InvariantCulture)),
            fields[0][0],
            int.Parse(fields[4 - 3], CultureInfo.InvariantCulture),
            int.Parse(fields[6 - 3], CultureInfo.InvariantCulture),
            fields.Length > 52 - 3 && int.TryParse(fields[52 - 3].Trim(), CultureInfo.InvariantCulture, out var exit) ? exit : 0);
    }

    /// <summary>The value of a variable in a process's environment; null if it has none, or we may not look.</summary>
    public static string? Variable(int pid, string name)
    {
        var environment = Read($"/proc/{pid}/environ").AsSpan();
        var start = Encoding.UTF8.GetBytes(name + "=").AsSpan();
        while (!environment.IsEmpty)
        {
            var end = environment.IndexOf((byte)0);
            var variable = end < 0 ? environment : environment[..end];
            if (variable.StartsWith(start))
            {
                return Encoding.UTF8.GetString(variable[start.Length..]);
            }

            environment = end < 0 ? [] : environment[(end + 1)..];
        }

        return null;
    }

    /// <summary>What file a process has open as a descriptor; null if we may not look.</summary>
    public static string? OpenFile(int pid, int descriptor)
    {
        try
        {
            return new FileInfo($"/proc/{pid}/fd/{descriptor}").LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static byte[] Read(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}

/// <summary>The fields of /proc/PID/stat that matter here.</summary>
/// <param name="Process">Number and field 22, ticks since the machine was started.</param>
/// <param name="State">Z: it has ended and waits for its parent.</param>
/// <param name="Parent">Its parent's number.</param>
/// <param name="Session">The number of the process that leads, or led, its session.</param>
/// <param name="ExitStatus">As in wait(2), once it has ended; zero also if we may not look.</param>
internal readonly record struct ProcStat(ProcessIdentity Process, char State, int Parent, int Session, int ExitStatus)
{
    /// <summary>Whether nothing is left of it but its exit status.</summary>
    public bool HasEnded => State is 'Z' or 'X' or 'x';

    /// <summary>kthreadd and its children.</summary>
    public bool IsKernelThread => Process.Pid == 2 || Parent == 2;
}
