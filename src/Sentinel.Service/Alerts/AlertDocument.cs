using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Alerts;

/// <summary>One alert, as receivers get it.</summary>
internal sealed record AlertDocument
{
    /// <summary>The same at every repeat: receivers tell repeats by it.</summary>
    public required string Id { get; init; }

    public required string Event { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>The name of the sentinel that tells.</summary>
    public required string Sentinel { get; init; }

    public string? Backend { get; init; }

    /// <summary>The name of the outage, for <c>sentinel outages ID</c>.</summary>
    public string? Outage { get; init; }

    /// <summary>A stable name, such as <c>no_capacity</c> or <c>preempted</c>.</summary>
    public required string Reason { get; init; }

    /// <summary>For people.</summary>
    public required string Message { get; init; }

    /// <summary>How long the outage has lasted.</summary>
    public double? Seconds { get; init; }

    /// <summary>What goes over the wire.</summary>
    public byte[] Render(AlertFormat format) => format is AlertFormat.Json
        ? JsonSerializer.SerializeToUtf8Bytes(this, AlertJson.Default.AlertDocument)
        : JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["text"] = Escape($"{Sentinel}: {Message}") }, AlertJson.Default.JsonObject);

    /// <summary>Slack reads three characters as its own. Source: "Formatting text for app surfaces".</summary>
    private static string Escape(string text) =>
        text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(AlertDocument))]
[JsonSerializable(typeof(JsonObject))]
internal sealed partial class AlertJson : JsonSerializerContext;
