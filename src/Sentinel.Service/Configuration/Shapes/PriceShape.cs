using System.Globalization;
using System.Text.Json.Nodes;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Shapes;

/// <summary>What an hour costs: a number, without its currency.</summary>
internal sealed class PriceShape : ScalarShape<double>
{
    private const double Most = 1_000_000;

    /// <inheritdoc/>
    public override string Expected => "a price for an hour, from 0 to 1000000, such as 0.0335";

    /// <inheritdoc/>
    protected override ScalarKind Kind => ScalarKind.Number;

    /// <inheritdoc/>
    protected override Parsed<double> Parse(string text, Reading reading) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var price) && price is >= 0 and <= Most ? price : Refusal.Plain;

    /// <inheritdoc/>
    public override JsonObject ToSchema() => new() { ["type"] = "number", ["minimum"] = 0, ["maximum"] = Most };

    /// <inheritdoc/>
    public override JsonNode? ToJson(double value) => JsonValue.Create(value);
}
