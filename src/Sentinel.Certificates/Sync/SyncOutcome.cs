using System.Text.Json.Serialization;

namespace Sentinel.Certificates.Sync;

/// <summary>What a place had.</summary>
/// <param name="Certificates">Those that could be read.</param>
/// <param name="Why">What went wrong, if anything did; the rest counts all the same.</param>
internal sealed record SyncOutcome(IReadOnlyList<HeldCertificate> Certificates, string? Why)
{
    public static SyncOutcome Failed(string why) => new([], why);
}

/// <summary>What a VM's daemon answers.</summary>
internal sealed record CertsDocument([property: JsonPropertyName("certs")] IReadOnlyList<CertDocument>? Certs);

/// <summary>One of its certificates.</summary>
internal sealed record CertDocument(
    [property: JsonPropertyName("domain")] string? Domain, [property: JsonPropertyName("cert_pem")] string? Chain, [property: JsonPropertyName("key_pem")] string? Key)
{
    /// <summary>Not for logs: it holds a key.</summary>
    public override string ToString() => Domain ?? "";
}

[JsonSerializable(typeof(CertsDocument))]
internal sealed partial class SyncJson : JsonSerializerContext;
