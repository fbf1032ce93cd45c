namespace Sentinel.Recovery.Clouds.Process;

/// <summary>Starts, finds, watches and signals processes, in the way of one operating system. Thread-safe.</summary>
internal interface IProcessHost : IDisposable
{
    /// <summary>Differs after the machine was restarted; until then no process identity means two processes.</summary>
    string BootId { get; }

    /// <summary>Starts a process as the leader of a session of its own.</summary>
    /// <param name="exited">Called once, on another thread, when it has ended: at once, perhaps.</param>
    SpawnOutcome Spawn(SpawnOrder order, Action<ProcessExit> exited);

    /// <summary>Watches a process that somebody else started.</summary>
    /// <returns>False if there is no such process any more.</returns>
    bool Adopt(ProcessIdentity process, Action<ProcessExit> exited);

    /// <summary>Everything that runs and belongs to a VM.</summary>
    /// <param name="vms">The VMs to look for, by name.</param>
    Task<IReadOnlyList<MarkedProcess>> ScanAsync(IReadOnlyDictionary<string, VmMark> vms);

    /// <summary>Asks a process to end, or ends it. Nothing happens to another that has its number by now.</summary>
    void End(ProcessIdentity process, bool force);
}

/// <summary>One process among all that have run since the machine was started.</summary>
/// <param name="Pid">Its number, which others will have later.</param>
/// <param name="StartedAt">When it was started, in the system's own ticks: never the same for two with the same number.</param>
internal readonly record struct ProcessIdentity(int Pid, long StartedAt);

/// <summary>What to start.</summary>
/// <param name="Settings">Command and directory.</param>
/// <param name="Environment">The whole environment.</param>
/// <param name="Log">Where its output is added.</param>
internal sealed record SpawnOrder(ProcessSettings Settings, IReadOnlyDictionary<string, string> Environment, string Log);

/// <summary>What came of starting a process: either part is null.</summary>
/// <param name="Process">It runs.</param>
/// <param name="Refusal">It does not, and why.</param>
internal readonly record struct SpawnOutcome(ProcessIdentity? Process, CloudOutcome? Refusal);

/// <summary>How to recognise what belongs to a VM.</summary>
/// <param name="Marker">The beginning of the value of <see cref="VmMarker.Variable"/> in its environment.</param>
/// <param name="Logs">Where its output goes, or went before the file was put aside.</param>
/// <param name="Leader">The process that leads, or led, its session; null if none is known.</param>
internal sealed record VmMark(string Marker, IReadOnlyList<string> Logs, ProcessIdentity? Leader);

/// <summary>A process that belongs to a VM.</summary>
/// <param name="Vm">Whose.</param>
/// <param name="LeadsSession">Whether it is the first of its session.</param>
/// <param name="Incarnation">The run that it was started in; null if its environment does not tell any more.</param>
internal sealed record MarkedProcess(ProcessIdentity Process, string Vm, bool LeadsSession, long? Incarnation);
