using System.Text.Json;
using System.Text.Json.Serialization;

namespace Sentinel.Certificates.Acme;

// Authorities leave out what is empty, or write null; the generated reader would put null in place of an init property's default for both.

/// <summary>RFC 8555 §7.1.1, and RFC 9773 §3.</summary>
internal sealed record DirectoryDocument
{
    public required Uri NewNonce { get; set; }

    public required Uri NewAccount { get; set; }

    public required Uri NewOrder { get; set; }

    public Uri? RevokeCert { get; set; }

    public Uri? KeyChange { get; set; }

    public Uri? RenewalInfo { get; set; }

    public DirectoryMeta Meta { get; set => field = value ?? new(); } = new();
}

internal sealed record DirectoryMeta
{
    public bool ExternalAccountRequired { get; set; }

    /// <summary>Profiles by name (draft-ietf-acme-profiles); null if there are none.</summary>
    public IReadOnlyDictionary<string, string>? Profiles { get; set; }
}

/// <summary>RFC 8555 §7.1.2.</summary>
internal sealed record AccountDocument
{
    public bool? TermsOfServiceAgreed { get; set; }

    public IReadOnlyList<string>? Contact { get; set; }

    public JsonElement? ExternalAccountBinding { get; set; }

    public bool? OnlyReturnExisting { get; set; }

    public string? Status { get; set; }

    /// <summary>Where the account's orders are listed; null where the authority lists none.</summary>
    public Uri? Orders { get; set; }
}

/// <summary>§7.1.2.1.</summary>
internal sealed record OrdersDocument
{
    public IReadOnlyList<Uri> Orders { get; set => field = value ?? []; } = [];
}

/// <summary>What an order asks for (§7.4), with RFC 9773 §5.</summary>
internal sealed record OrderRequest(IReadOnlyList<Identifier> Identifiers, string? Profile, string? Replaces);

internal sealed record Identifier(string Type, string Value);

/// <summary>§7.1.3.</summary>
internal sealed record OrderDocument
{
    public string Status { get; set => field = value ?? ""; } = "";

    public IReadOnlyList<Identifier> Identifiers { get; set => field = value ?? []; } = [];

    public IReadOnlyList<Uri> Authorizations { get; set => field = value ?? []; } = [];

    public Uri? Finalize { get; set; }

    public Uri? Certificate { get; set; }

    public AcmeProblem? Error { get; set; }
}

/// <summary>§7.1.4.</summary>
internal sealed record AuthorizationDocument
{
    public Identifier Identifier { get; set => field = value ?? new("dns", ""); } = new("dns", "");

    public string Status { get; set => field = value ?? ""; } = "";

    public IReadOnlyList<ChallengeDocument> Challenges { get; set => field = value ?? []; } = [];

    public bool Wildcard { get; set; }
}

/// <summary>§7.1.5.</summary>
internal sealed record ChallengeDocument
{
    public string Type { get; set => field = value ?? ""; } = "";

    public Uri? Url { get; set; }

    public string Status { get; set => field = value ?? ""; } = "";

    public string Token { get; set => field = value ?? ""; } = "";

    public AcmeProblem? Error { get; set; }
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
[JsonSerializable(typeof(OrdersDocument))]
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
