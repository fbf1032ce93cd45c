using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Sentinel.Recovery.Clouds.Gce.Wire;

/// <summary>An instance, as far as it is read. 64-bit numbers are strings.</summary>
internal sealed record GceInstance
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string Status { get; init; }

    public DateTimeOffset? CreationTimestamp { get; init; }

    public DateTimeOffset? LastStartTimestamp { get; init; }

    public DateTimeOffset? LastStopTimestamp { get; init; }

    public IReadOnlyList<GceInterface> NetworkInterfaces { get; init; } = [];

    public GceScheduling? Scheduling { get; init; }

    /// <summary>Changes whenever the instance is changed; statuses do not count.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>The link of its zone; read only where several zones are listed at once.</summary>
    public string? Zone { get; init; }
}

/// <summary>How an instance is paid for.</summary>
internal sealed record GceScheduling(string? ProvisioningModel);

/// <summary>A network interface of an instance.</summary>
internal sealed record GceInterface(string? NetworkIP);

/// <summary>A disk, as far as it is read.</summary>
/// <param name="Users">The instances that hold it.</param>
/// <param name="SizeGb">A 64-bit number as a string.</param>
/// <param name="LabelFingerprint">Changes with the labels: who changes them says which ones they read.</param>
internal sealed record GceDisk(
    string Name, string? Status, IReadOnlyList<string>? Users, string? SourceImage, string? SourceSnapshot, string? SizeGb, string? Type,
    IReadOnlyDictionary<string, string>? Labels = null, string? LabelFingerprint = null, string? LastDetachTimestamp = null);

/// <summary>An operation.</summary>
internal sealed record GceOperation
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public string OperationType { get; init; } = "";

    public string TargetLink { get; init; } = "";

    public string TargetId { get; init; } = "";

    public string Status { get; init; } = "";

    public string User { get; init; } = "";

    public DateTimeOffset? InsertTime { get; init; }

    public string? StatusMessage { get; init; }

    public string? ClientOperationId { get; init; }

    public int? HttpErrorStatusCode { get; init; }

    public GceOperationErrors? Error { get; init; }

    [JsonIgnore]
    public bool IsDone => Status == "DONE";
}

/// <summary>Why an operation failed that was accepted.</summary>
internal sealed record GceOperationErrors(IReadOnlyList<GceOperationError>? Errors);

/// <summary>One reason.</summary>
internal sealed record GceOperationError(string? Code, string? Message);

/// <summary>One page of a list.</summary>
internal sealed record GcePage<T>(IReadOnlyList<T>? Items, string? NextPageToken);

/// <summary>One page of a list over all zones.</summary>
/// <param name="Unreachables">Places that are missing from it.</param>
internal sealed record GceCensusPage(IReadOnlyDictionary<string, GceCensusZone>? Items, string? NextPageToken, IReadOnlyList<string>? Unreachables);

/// <summary>One zone of it.</summary>
internal sealed record GceCensusZone(IReadOnlyList<GceInstance>? Instances);

/// <summary>The body of a request that was refused.</summary>
internal sealed record GceErrorBody(GceErrorDetail? Error);

/// <summary>What is in it.</summary>
internal sealed record GceErrorDetail(int Code, string? Message, IReadOnlyList<GceErrorReason>? Errors);

/// <summary>One reason.</summary>
internal sealed record GceErrorReason(string? Reason, string? Message);

/// <summary>What the metadata server gives.</summary>
internal sealed record MetadataToken(
    [property: JsonPropertyName("access_token")] string AccessToken, [property: JsonPropertyName("expires_in")] int ExpiresIn);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectRequiredConstructorParameters = false)]
[JsonSerializable(typeof(GceInstance))]
[JsonSerializable(typeof(GceOperation))]
[JsonSerializable(typeof(GcePage<GceInstance>))]
[JsonSerializable(typeof(GcePage<GceOperation>))]
[JsonSerializable(typeof(GceDisk))]
[JsonSerializable(typeof(JsonObject))]
[JsonSerializable(typeof(GcePage<JsonObject>))]
[JsonSerializable(typeof(GcePage<GceDisk>))]
[JsonSerializable(typeof(GceCensusPage))]
[JsonSerializable(typeof(GceErrorBody))]
[JsonSerializable(typeof(MetadataToken))]
internal sealed partial class GceJson : JsonSerializerContext;
