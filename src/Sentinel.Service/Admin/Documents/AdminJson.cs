using System.Text.Json;
using System.Text.Json.Serialization;
using Sentinel.Service.Telemetry;

namespace Sentinel.Service.Admin.Documents;

/// <summary>How the admin endpoint's documents are written, and read by the client.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(StatusDocument))]
[JsonSerializable(typeof(OutagesDocument))]
[JsonSerializable(typeof(OutageDocument))]
[JsonSerializable(typeof(BackendDocument))]
[JsonSerializable(typeof(HealthDocument))]
[JsonSerializable(typeof(NoticeDocument))]
[JsonSerializable(typeof(Recovery.Simulation.SimulationReport))]
[JsonSerializable(typeof(CertificatesDocument))]
[JsonSerializable(typeof(AccountsDocument))]
[JsonSerializable(typeof(PlacementsDocument))]
[JsonSerializable(typeof(PlacedDocument))]
[JsonSerializable(typeof(KeySyncDocument))]
[JsonSerializable(typeof(BackendNameDocument))]
[JsonSerializable(typeof(OwnKeysDocument))]
internal sealed partial class AdminJson : JsonSerializerContext;

/// <summary>Problems leave out what does not belong to them.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ProblemDocument))]
internal sealed partial class ProblemJson : JsonSerializerContext;

/// <summary>Times in UTC to the millisecond, as in logs.</summary>
internal sealed class Rfc3339Converter : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDateTimeOffset();

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) => writer.WriteStringValue(Rfc3339.Text(value));
}
