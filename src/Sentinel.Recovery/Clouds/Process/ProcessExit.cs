using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Clouds.Process;

/// <summary>How a process ended, in the form of wait(2): of the two at most one is known.</summary>
/// <param name="Status">What it exited with.</param>
/// <param name="Signal">What killed it.</param>
internal readonly record struct ProcessExit(int? Status, int? Signal)
{
    private static readonly string[] SignalNames =
    [
        "SIG0", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV",
        "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU",
        "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR", "SIGSYS",
    ];

    /// <summary>Nobody who could tell was there.</summary>
    public static ProcessExit Unknown => default;

    /// <summary>
    /// What that was for a VM, when the sentinel did not do it. Signals that a process brings upon itself by what it does
    /// (a fault, abort(3), a broken pipe, a limit) are its own doing; any other came from outside.
    /// </summary>
    public OutageCause Cause => this switch
    {
        { Signal: 4 or 5 or 6 or 7 or 8 or 11 or 13 or 24 or 25 or 31 } => OutageCause.Guest,
        { Signal: not null } => OutageCause.Preempted,
        { Status: not null } => OutageCause.Guest,
        _ => OutageCause.Unknown,
    };

    /// <summary>From a status as wait(2) returns it.</summary>
    public static ProcessExit FromWaitStatus(int status) => (status & 0x7f) is var signal and not 0 ? new(null, signal) : new((status >> 8) & 0xff, null);

    /// <inheritdoc/>
    public override string ToString() => this switch
    {
        { Signal: { } signal } => $"killed by {(signal < SignalNames.Length ? SignalNames[signal] : $"signal {signal}")}",
        { Status: 126 or 127 } => $"exited with status {Status} (the command could not be run; see its log)",
        { Status: { } status } => $"exited with status {status}",
        _ => "ended, and nobody saw how",
    };
}
