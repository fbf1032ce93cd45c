using Sentinel.Backends;
using Sentinel.Certificates;
using Sentinel.Forwarding.Listeners;
using Sentinel.Jump;
using Sentinel.Recovery;
using Sentinel.Recovery.Clouds.Gce;
using Sentinel.Service.Alerts;

namespace Sentinel.Service.Configuration;

/// <summary>The whole configuration: checked, defaults filled in, environment applied. Compares by value.</summary>
internal sealed record SentinelConfiguration
{
    /// <summary>This sentinel's name, in logs, metrics and leases.</summary>
    public required string Name { get; init; }

    /// <summary>Absolute path; created with mode 0700 by whoever starts the daemon.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>The admin endpoint.</summary>
    public AdminSettings Admin { get; init; } = new();

    /// <summary>Logs and export.</summary>
    public TelemetrySettings Telemetry { get; init; } = new();

    /// <summary>Who is told when something happens.</summary>
    public EquatableList<WebhookSettings> Alerts { get; init; } = [];

    /// <summary>How Compute Engine is reached.</summary>
    public GceSettings Gce { get; init; } = new();

    /// <summary>All backends, in the order of the file.</summary>
    public EquatableList<BackendSettings> Backends { get; init; } = [];

    /// <summary>All pools, in the order of the file.</summary>
    public EquatableList<PoolDefinition> Pools { get; init; } = [];

    /// <summary>All listeners, in the order of the file.</summary>
    public EquatableList<ListenerSettings> Listeners { get; init; } = [];

    /// <summary>Where certificates come from; null: nowhere.</summary>
    public CertificateSettings? Certificates { get; init; }

    /// <summary>The SSH jump host; null: there is none.</summary>
    public JumpSettings? Ssh { get; init; }
}
