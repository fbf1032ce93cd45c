namespace Sentinel.Recovery.Watching;

/// <summary>What counts as an answer.</summary>
public enum HealthKind
{
    /// <summary>The port accepts.</summary>
    Tcp,

    /// <summary>2xx or 3xx at the path.</summary>
    Http,

    /// <summary>A TLS handshake completes, whatever the certificate.</summary>
    Tls,

    /// <summary>An SSH banner arrives (RFC 4253 §4.2).</summary>
    Ssh,

    /// <summary>The gRPC health protocol (grpc.health.v1) says SERVING.</summary>
    Grpc,
}

/// <summary>How a backend's health is found out.</summary>
public sealed record HealthSettings
{
    /// <summary>What is asked.</summary>
    public HealthKind Kind { get; init; }

    /// <summary>Where.</summary>
    public required int Port { get; init; }

    /// <summary>For <see cref="HealthKind.Http"/>.</summary>
    public string Path { get; init; } = "/";

    /// <summary>From one check to the next; shorter while a verdict is pending.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A check that takes longer has failed.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Passes in a row that make it healthy.</summary>
    public int HealthyAfter { get; init; } = 2;

    /// <summary>Failures in a row that make it unhealthy.</summary>
    public int UnhealthyAfter { get; init; } = 2;
}
