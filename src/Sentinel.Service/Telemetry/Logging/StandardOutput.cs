using System.Runtime.InteropServices;

namespace Sentinel.Service.Telemetry.Logging;

/// <summary>What stands at the other end of standard output.</summary>
internal static partial class StandardOutput
{
    /// <summary>
    /// Whether it is the journal: then <c>JOURNAL_STREAM</c> holds the device and inode of this very stream
    /// (systemd.exec(5)). A child whose output was redirected still inherits the variable, hence the comparison.
    /// </summary>
    public static bool IsJournal() =>
        OperatingSystem.IsLinux()
        && Environment.GetEnvironmentVariable("JOURNAL_STREAM") is { Length: > 0 } journal
        && Identity(descriptor: 1) is { } identity
        && journal == identity;

    /// <summary>Whether colours would be seen. <c>NO_COLOR</c> (no-color.org) turns them off.</summary>
    public static bool IsColourTerminal() =>
        !Console.IsOutputRedirected
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
        && Environment.GetEnvironmentVariable("TERM") is not "dumb";

    /// <summary>Device and inode in decimal, as the service manager writes them; null if they cannot be had.</summary>
    internal static unsafe string? Identity(int descriptor)
    {
        // statx(2), because its struct is the same on every architecture.
        const int EmptyPath = 0x1000;
        const uint Inode = 0x100;
        var result = stackalloc byte[256];
        byte empty = 0;
        try
        {
            if (Statx(descriptor, &empty, EmptyPath, Inode, result) != 0)
            {
                return null;
            }
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }

        var inode = *(ulong*)(result + 32);
        ulong major = *(uint*)(result + 136);
        ulong minor = *(uint*)(result + 140);

        // makedev(3)
        var device = ((major & 0xfffff000) << 32) | ((major & 0xfff) << 8) | ((minor & 0xffffff00) << 12) | (minor & 0xff);
        return $"{device}:{inode}";
    }

    [LibraryImport("libc", EntryPoint = "statx")]
    private static unsafe partial int Statx(int directory, byte* path, int flags, uint mask, byte* result);
}
