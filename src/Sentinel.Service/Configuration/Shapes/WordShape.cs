using System.Text.Json.Nodes;
using Sentinel.Service.Configuration.Checks;

namespace Sentinel.Service.Configuration.Shapes;

/// <summary>One of a few words. Unlike keys, they are matched in their case.</summary>
/// <param name="later">Words that are specified and not built yet.</param>
internal sealed class WordShape<T>(IReadOnlyList<string> later) : ScalarShape<T>
    where T : struct, Enum
{
    private static readonly string[] Words = [.. Enum.GetNames<T>().Select(name => char.ToLowerInvariant(name[0]) + name[1..])];
    private static readonly T[] Values = Enum.GetValues<T>();

    /// <inheritdoc/>
    public override string Expected => Words.Length == 1 ? Words[0] : $"{string.Join(", ", Words[..^1])} or {Words[^1]}";

    /// <inheritdoc/>
    protected override Parsed<T> Parse(string text, Reading reading) =>
        Array.IndexOf(Words, text) is >= 0 and var index ? Values[index]
        : later.Contains(text) ? new Refusal(Found: $"\"{text}\", which is not supported yet")
        : NearMiss.Of(text, Words) is { } near ? new Refusal($"did you mean \"{near}\"?")
        : Refusal.Plain;

    /// <inheritdoc/>
    public override JsonObject ToSchema() => new() { ["type"] = "string", ["enum"] = new JsonArray([.. Words.Select(word => (JsonNode)word)]) };

    /// <inheritdoc/>
    public override JsonNode? ToJson(T value) => Words[Array.IndexOf(Values, value)];
}
