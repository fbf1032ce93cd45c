using System.Text.Json.Nodes;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Shapes;

/// <summary>true or false.</summary>
internal sealed class FlagShape : ScalarShape<bool>
{
    /// <inheritdoc/>
    public override string Expected => "true or false";

    /// <inheritdoc/>
    protected override ScalarKind Kind => ScalarKind.Flag;

    /// <inheritdoc/>
    protected override Parsed<bool> Parse(string text, Reading reading) => bool.TryParse(text, out var flag) ? flag : Refusal.Plain;

    /// <inheritdoc/>
    public override JsonObject ToSchema() => new() { ["type"] = "boolean" };

    /// <inheritdoc/>
    public override JsonNode? ToJson(bool value) => value;
}
