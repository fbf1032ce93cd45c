namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>How to reach Compute Engine: the <c>clouds.gce</c> part of the configuration.</summary>
public sealed record GceSettings
{
    /// <summary>The project of all VMs; null: the one that the metadata server names.</summary>
    public string? Project { get; init; }

    /// <summary>What goes before <c>/compute/v1/projects</c>.</summary>
    public Uri Endpoint { get; init; } = new("https://compute.googleapis.com");

    /// <summary>Who we are to the API.</summary>
    public GceCredentials Credentials { get; init; }

    /// <summary>Where the metadata server is.</summary>
    public Uri MetadataEndpoint { get; init; } = new("http://metadata.google.internal");

    /// <summary>From one look at a zone to the next.</summary>
    public TimeSpan WatchInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Our own ceiling, under the project's quota.</summary>
    public int RequestsPerMinute { get; init; } = 600;
}

/// <summary>Who we are to the API.</summary>
/// <param name="File">The JSON file of a service account, or of application default credentials; null unless <paramref name="Kind"/> says so.</param>
public readonly record struct GceCredentials(GceCredentialKind Kind, string? File = null);

/// <summary>Where credentials come from.</summary>
public enum GceCredentialKind
{
    /// <summary>The service account that this machine runs as.</summary>
    Metadata,

    /// <summary>Nowhere: an endpoint that asks for none.</summary>
    None,

    /// <summary>A JSON file.</summary>
    File,
}
