using System.Text.Json.Serialization;
using Sentinel.Recovery.Outages;
using Sentinel.Recovery.Recording;

namespace Sentinel.Recovery.Clouds.Process;

/// <summary>What is kept of a VM's newest run, <c>processes/NAME.json</c>, so that the next daemon knows its process again.</summary>
internal sealed record VmRecord
{
    /// <summary>Which VM.</summary>
    public required string Name { get; init; }

    /// <summary>Counts its runs.</summary>
    public required long Incarnation { get; init; }

    /// <summary>Its first process.</summary>
    public required int Pid { get; init; }

    /// <summary>When that was started, in the system's ticks.</summary>
    public required long StartedAt { get; init; }

    /// <summary>Which start of the machine those belong to.</summary>
    public required string BootId { get; init; }

    /// <summary>Why it ended; null while it runs, as far as the last daemon knew.</summary>
    public OutageCause? Cause { get; init; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>How, for people.</summary>
    public string? Detail { get; init; }

    [JsonIgnore]
    public ProcessIdentity Process => new(Pid, StartedAt);
}

/// <summary>How a record is written.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(SnakeCase<OutageCause>)])]
[JsonSerializable(typeof(VmRecord))]
internal sealed partial class VmRecordJson : JsonSerializerContext;
