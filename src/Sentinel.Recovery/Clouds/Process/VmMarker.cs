using System.Collections;

namespace Sentinel.Recovery.Clouds.Process;

/// <summary>
/// The variable in the environment of a VM's processes that names the VM, whatever becomes of their parents. Its name keeps
/// clear of <c>SENTINEL_</c>, which another sentinel that runs as a VM would read as configuration.
/// </summary>
internal static class VmMarker
{
    public const string Variable = "VM_OF_SENTINEL";

    // What the service manager tells the daemon (sd_notify(3), sd_listen_fds(3), systemd.exec(5)) is not for its children.
    private static readonly HashSet<string> DaemonOnly =
    [
        "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "FDSTORE", "MAINPID",
        "CREDENTIALS_DIRECTORY", "STATE_DIRECTORY", "JOURNAL_STREAM", "INVOCATION_ID",
    ];

    /// <summary>The value's beginning, up to the run.</summary>
    public static string Prefix(string owner, string vm) => $"{owner}/{Uri.EscapeDataString(vm)}/";

    /// <summary>The environment of a VM's first process.</summary>
    public static Dictionary<string, string> Environment(ProcessSettings settings, string owner, string vm, long incarnation)
    {
        // First, because whoever looks for it reads from the front.
        var environment = new Dictionary<string, string> { [Variable] = Prefix(owner, vm) + incarnation };
        foreach (DictionaryEntry variable in System.Environment.GetEnvironmentVariables())
        {
            var name = (string)variable.Key;
            if (!DaemonOnly.Contains(name) && !name.StartsWith("SENTINEL_", StringComparison.OrdinalIgnoreCase))
            {
                environment.TryAdd(name, (string?)variable.Value ?? "");
            }
        }

        foreach (var (name, value) in settings.Environment)
        {
            if (name != Variable)
            {
                environment[name] = value;
            }
        }

        return environment;
    }
}
