using Sentinel.Backends;

namespace Sentinel.Recovery.Clouds.Process;

/// <summary>The child process that stands for a VM. It must stay in the foreground: when it ends, the VM has stopped.</summary>
public sealed record ProcessSettings
{
    /// <summary>Program and arguments; no shell.</summary>
    public required EquatableList<string> Command { get; init; }

    /// <summary>Where it runs; null: where the daemon runs.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>Added to the daemon's environment, of which what speaks to the daemon alone is left out.</summary>
    public EquatableList<KeyValuePair<string, string>> Environment { get; init; } = [];
}
