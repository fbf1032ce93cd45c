using Sentinel.Backends;
using Sentinel.Recovery.Clouds;
using Sentinel.Recovery.Outages;
using Sentinel.Recovery.Watching;

namespace Sentinel.Recovery;

/// <summary>One backend as recovery needs it. Compared by value to find what a reload changed.</summary>
public sealed record BackendSettings
{
    /// <summary>What every room knows of it.</summary>
    public required BackendDefinition Definition { get; init; }

    /// <summary>What is started and stopped; null: watched only.</summary>
    public InstanceName? Instance { get; init; }

    /// <summary>The child process, for an instance of the process cloud.</summary>
    public Clouds.Process.ProcessSettings? Process { get; init; }

    /// <summary>How its health is found out; null: an instance is healthy while it runs, and anything else always is.</summary>
    public HealthSettings? Health { get; init; }

    /// <summary>What it costs; null: nobody says.</summary>
    public BackendPrices? Prices { get; init; }

    /// <summary>How an outage is handled.</summary>
    public OutagePolicy Policy { get; init; } = new();
}
