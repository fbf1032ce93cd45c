using System.Text.Json;
using System.Text.Json.Serialization;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Recording;

/// <summary>How records are written: camelCase, enumerations by their stable names, times in RFC 3339.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true,
    Converters = [typeof(SnakeCase<OutageCause>), typeof(SnakeCase<OutageMark>), typeof(SnakeCase<OutageSource>)])]
[JsonSerializable(typeof(OutageRecord))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class RecordJson : JsonSerializerContext;

/// <summary>Enumerations by name; a number, or a name that this version does not know, is refused.</summary>
internal sealed class SnakeCase<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false)
    where T : struct, Enum;
