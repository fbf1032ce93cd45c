namespace Sentinel.Recovery.Clouds;

/// <summary>Names one VM of one cloud: <c>gce/us-central1-a/spot-1</c> or <c>process/spot-1</c>.</summary>
/// <param name="Provider">The cloud.</param>
/// <param name="Zone">Empty where the cloud has none.</param>
/// <param name="Name">The VM's own name.</param>
public readonly record struct InstanceName(string Provider, string Zone, string Name)
{
    /// <summary>As the configuration file writes it.</summary>
    public override string ToString() => Zone.Length == 0 ? $"{Provider}/{Name}" : $"{Provider}/{Zone}/{Name}";
}
