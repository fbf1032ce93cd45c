using System.Text.Json.Serialization;

namespace Sentinel.Certificates.Storage;

/// <summary>Which files hold what is in force. Without it everything can be found from the files alone.</summary>
internal sealed record Manifest
{
    public int Version { get; init; } = 1;

    public IReadOnlyList<ManifestEntry> Certificates { get; init; } = [];
}

/// <summary>The files of one slot.</summary>
/// <param name="Slot">See <see cref="HeldCertificate.Slot"/>.</param>
/// <param name="Current">What is shown.</param>
/// <param name="Previous">What was shown before it; null if there was none.</param>
internal sealed record ManifestEntry(string Slot, string Current, string? Previous);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(Manifest))]
internal sealed partial class ManifestJson : JsonSerializerContext;
