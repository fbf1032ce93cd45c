using Sentinel.Service.Configuration;
using Sentinel.Service.Lifetimes;

namespace Sentinel.Service.Hosting;

/// <summary>What a daemon is given from outside.</summary>
internal sealed record DaemonParts
{
    /// <summary>What it starts with.</summary>
    public required SentinelConfiguration Configuration { get; init; }

    /// <summary>Where that came from, and where it looks for changes.</summary>
    public required ConfigurationSource Source { get; init; }

    /// <summary>Who stops it.</summary>
    public required StopSignals Signals { get; init; }

    /// <summary>Who is told how it goes.</summary>
    public required SystemdLink Systemd { get; init; }

    /// <summary>Where logs go.</summary>
    public required Stream LogOutput { get; init; }

    /// <summary>Its clock; tests give it one of their own.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Whether that is standard output, whose reader may see colours or be the journal.</summary>
    public bool LogsToConsole { get; init; } = true;
}
