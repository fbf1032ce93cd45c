using System.Runtime.InteropServices;

namespace Sentinel.Forwarding.Listeners;

/// <summary>
/// Keeps the last descriptors of the process free of connections. The runtime needs some at any time, to load code for
/// example, and aborts the whole process where it gets none; so newcomers are turned away while a few are left.
/// </summary>
internal static partial class Descriptors
{
    private const int NumberOfFiles = 7; // RLIMIT_NOFILE
    private const int MostReserved = 256;

    // Pipes of the splice engine, both ends of each; listening sockets, event loops, logs, probes and the runtime.
    private const int Overhead = 2 * 512 + 2 * MostReserved;

    /// <summary>How many this process may have; very many where there is no limit.</summary>
    public static long Limit { get; } = ReadLimit();

    private static long Reserve { get; } = Math.Min(MostReserved, Limit / 8);

    /// <summary>How many are needed if every listener has as many connections as it may: one towards the client and one towards the backend of each.</summary>
    public static long Needed(IEnumerable<ListenerSettings> listeners) => listeners.Sum(listener => 2L * listener.MaxConnections) + Overhead;

    /// <summary>
    /// Whether a client's descriptor that was just opened is one of the last. The system gives out the lowest number that
    /// is free, so the number tells, and nobody has to count.
    /// </summary>
    public static bool IsLastForClients(nint descriptor) => descriptor >= Limit - Reserve;

    /// <summary>The same of a backend's: more are left for these, so that those who came in are served.</summary>
    public static bool IsLastForBackends(nint descriptor) => descriptor >= Limit - (Reserve / 2);

    private static long ReadLimit() => OperatingSystem.IsLinux() && GetLimit(NumberOfFiles, out var limit) == 0 && limit.Soft is > 0 and < int.MaxValue
        ? limit.Soft
        : int.MaxValue;

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, out ResourceLimit limit);

    private struct ResourceLimit
    {
        public long Soft;
        public long Hard;
    }
}
