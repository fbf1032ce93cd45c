namespace Sentinel.Recovery.Outages;

/// <summary>Why a backend is down, as far as anybody could find out.</summary>
public enum OutageCause
{
    /// <summary>Nobody saw it happen, or the cloud does not say.</summary>
    Unknown,

    /// <summary>Its checks fail; nothing is known of its instance having stopped.</summary>
    Unhealthy,

    /// <summary>The cloud took the VM. For a child process: somebody else's signal killed it.</summary>
    Preempted,

    /// <summary>A person or their program stopped it. Held until released.</summary>
    User,

    /// <summary>It shut itself down. For a child process: it exited or crashed.</summary>
    Guest,

    /// <summary>The host failed or was restarted.</summary>
    HostError,

    /// <summary>The host was taken for maintenance.</summary>
    Maintenance,

    /// <summary>The VM was deleted.</summary>
    Deleted,

    /// <summary>We stopped it: a drill, a reset.</summary>
    Ours,

    /// <summary>It has not been running since this sentinel began, and was not meant to: no outage, unless starting it fails.</summary>
    NotStarted,
}
