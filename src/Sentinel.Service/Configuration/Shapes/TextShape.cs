using System.Text.Json.Nodes;
using Sentinel.Service.Configuration.Checks;

namespace Sentinel.Service.Configuration.Shapes;

/// <summary>A text that a function understands.</summary>
/// <param name="expected">As an error asks for it.</param>
/// <param name="parse">Understands it, given the machine that the file is read on.</param>
internal sealed class TextShape<T>(string expected, Func<string, ConfigurationEnvironment, Parsed<T>> parse) : ScalarShape<T>
{
    /// <inheritdoc/>
    public override string Expected => expected;

    /// <summary>Restricts the schema; null for any text.</summary>
    public string? Pattern { get; init; }

    /// <summary>Writes a default.</summary>
    public Func<T, string> Write { get; init; } = value => value?.ToString() ?? "";

    /// <summary>What else is to be done with each value.</summary>
    public Action<T, Text.SourceNode, Reading>? Noted { get; init; }

    /// <inheritdoc/>
    public override JsonObject ToSchema() => Pattern is null ? new() { ["type"] = "string" } : new() { ["type"] = "string", ["pattern"] = Pattern };

    /// <inheritdoc/>
    public override JsonNode? ToJson(T value) => Write(value);

    /// <inheritdoc/>
    protected override Parsed<T> Parse(string text, Reading reading) => parse(text, reading.Environment);

    /// <inheritdoc/>
    protected override void Note(T value, Text.ScalarNode node, Reading reading) => Noted?.Invoke(value, node, reading);
}
