using System.Globalization;
using System.Text.Json.Nodes;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Shapes;

/// <summary>How many a second: <c>"200/s"</c>, or the bare number.</summary>
internal sealed class RateShape : ScalarShape<double>
{
    private const double Most = 1_000_000;

    /// <inheritdoc/>
    public override string Expected => "how many a second, above 0 and up to 1000000, such as \"200/s\"";

    /// <inheritdoc/>
    protected override bool Reads(ScalarKind kind) => kind is ScalarKind.Text or ScalarKind.Number or ScalarKind.Variable;

    /// <inheritdoc/>
    protected override Parsed<double> Parse(string text, Reading reading)
    {
        var number = text.EndsWith("/s", StringComparison.Ordinal) ? text[..^2] : text;
        return double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var rate) && rate > 0 && rate <= Most ? rate : Refusal.Plain;
    }

    /// <inheritdoc/>
    public override JsonObject ToSchema() => new()
    {
        ["anyOf"] = new JsonArray(
            new JsonObject { ["type"] = "string", ["pattern"] = "^[0-9]+(\\.[0-9]+)?(/s)?$" },
            new JsonObject { ["type"] = "number", ["exclusiveMinimum"] = 0, ["maximum"] = Most }),
    };

    /// <inheritdoc/>
    public override JsonNode? ToJson(double value) => string.Create(CultureInfo.InvariantCulture, $"{value}/s");
}
