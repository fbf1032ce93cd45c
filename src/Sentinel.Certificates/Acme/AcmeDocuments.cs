using System.Text.Json;
using System.Text.Json.Serialization;

namespace Sentinel.Certificates.Acme;

/// <summary>RFC 8555 §7.1.1, and RFC 9773 §3.</summary>
internal sealed record DirectoryDocument
{
    public required Uri NewNonce { get; init; }

    public required Uri NewAccount { get; init; }

    public required Uri NewOrder { get; init; }

    public Uri? RevokeCert { get; init; }

    public Uri? KeyChange { get; init; }

    public Uri? RenewalInfo { get; init; }

    public DirectoryMeta Meta { get; init; } = new();
}

internal sealed record DirectoryMeta
{
    public bool ExternalAccountRequired { get; init; }

    /// <summary>Profiles by name (draft-ietf-acme-profiles); null if there are none.</summary>
    public IReadOnlyDictionary<string, string>? Profiles { get; init; }
}

/// <summary>RFC 8555 §7.1.2.</summary>
internal sealed record AccountDocument
{
    public bool? TermsOfServiceAgreed { get; init; }

    public IReadOnlyList<string>? Contact { get; init; }

    public JsonElement? ExternalAccountBinding { get; init; }

    public bool? OnlyReturnExisting { get; init; }

    public string? Status { get; init; }
}

/// <summary>What an order asks for (§7.4), with RFC 9773 §5.</summary>
internal sealed record OrderRequest(IReadOnlyList<Identifier> Identifiers, string? Profile, string? Replaces);

internal sealed record Identifier(string Type, string Value);

/// <summary>§7.1.3.</summary>
internal sealed record OrderDocument
{
    public string Status { get; init; } = "";

    public IReadOnlyList<Uri> Authorizations { get; init; } = [];

    public Uri? Finalize { get; init; }

    public Uri? Certificate { get; init; }

    public AcmeProblem? Error { get; init; }
}

/// <summary>§7.1.4.</summary>
internal sealed record AuthorizationDocument
{
    public Identifier Identifier { get; init; } = new("dns", "");

    public string Status { get; init; } = "";

    public IReadOnlyList<ChallengeDocument> Challenges { get; init; } = [];

    public bool Wildcard { get; init; }
}

/// <summary>§7.1.5.</summary>
internal sealed record ChallengeDocument
{
    public string Type { get; init; } = "";

    public Uri? Url { get; init; }

    public string Status { get; init; } = "";

    public string Token { get; init; } = "";

    public AcmeProblem? Error { get; init; }
}

/// <summary>§7.4 of RFC 8555.</summary>
internal sealed record FinalizeRequest(string Csr);

/// <summary>§7.6.</summary>
internal sealed record RevokeRequest(string Certificate, int Reason);

/// <summary>§7.3.5.</summary>
internal sealed record KeyChangeRequest(string Account, JsonElement OldKey);

/// <summary>RFC 9773 §4.2.</summary>
internal sealed record RenewalInfoDocument(SuggestedWindow? SuggestedWindow, Uri? ExplanationUrl);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DirectoryDocument))]
[JsonSerializable(typeof(AccountDocument))]
[JsonSerializable(typeof(OrderRequest))]
[JsonSerializable(typeof(OrderDocument))]
[JsonSerializable(typeof(AuthorizationDocument))]
[JsonSerializable(typeof(ChallengeDocument))]
[JsonSerializable(typeof(FinalizeRequest))]
[JsonSerializable(typeof(RevokeRequest))]
[JsonSerializable(typeof(KeyChangeRequest))]
[JsonSerializable(typeof(RenewalInfoDocument))]
[JsonSerializable(typeof(AcmeProblem))]
[JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(AccountRecord))]
[JsonSerializable(typeof(CourseRecord))]
internal sealed partial class AcmeJson : JsonSerializerContext;
