using System.Text.Json.Nodes;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Shapes;

/// <summary>A number with a unit, or several.</summary>
/// <param name="least">The shortest that makes sense; zero where the documentation lets zero turn something off.</param>
/// <param name="most">The longest; <see cref="Most"/> unless nothing of ours waits for its end.</param>
internal sealed class DurationShape(TimeSpan least, TimeSpan? most = null) : ScalarShape<TimeSpan>
{
    private readonly TimeSpan _most = most ?? Most;

    /// <summary>Twenty days: more than anybody waits, and little enough for every timer of .NET.</summary>
    public static readonly TimeSpan Most = TimeSpan.FromDays(20);

    /// <inheritdoc/>
    public override string Expected => $"a duration from {Duration.ToText(least)} to {Duration.ToText(_most)} such as \"5s\" or \"1h30m\"";

    /// <inheritdoc/>
    protected override Parsed<TimeSpan> Parse(string text, Reading reading) =>
        Duration.TryParse(text, out var duration) ? (duration >= least && duration <= _most ? duration : Refusal.Plain)
        : Duration.Correct(text) is { } right ? new Refusal($"write \"{right}\"")
        : Refusal.Plain;

    /// <inheritdoc/>
    public override JsonObject ToSchema() => new() { ["type"] = "string", ["pattern"] = Duration.Pattern };

    /// <inheritdoc/>
    public override JsonNode? ToJson(TimeSpan value) => Duration.ToText(value);
}
