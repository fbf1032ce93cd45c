using System.Globalization;
using System.Numerics;
using System.Text.Json.Nodes;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Shapes;

/// <summary>A whole number within bounds.</summary>
/// <param name="noun">What it counts, such as <c>a port</c>.</param>
internal sealed class WholeNumberShape<T>(string noun, T least, T most) : ScalarShape<T>
    where T : struct, IBinaryInteger<T>, IMinMaxValue<T>
{
    /// <inheritdoc/>
    public override string Expected => most == T.MaxValue ? $"{noun}, {least} or more" : $"{noun} from {least} to {most}";

    /// <inheritdoc/>
    protected override ScalarKind Kind => ScalarKind.Number;

    /// <inheritdoc/>
    protected override Parsed<T> Parse(string text, Reading reading) =>
        T.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most ? value : Refusal.Plain;

    /// <inheritdoc/>
    public override JsonObject ToSchema()
    {
        var schema = new JsonObject { ["type"] = "integer", ["minimum"] = ToJson(least) };
        if (most != T.MaxValue)
        {
            schema["maximum"] = ToJson(most);
        }

        return schema;
    }

    /// <inheritdoc/>
    public override JsonNode? ToJson(T value) => JsonValue.Create(long.CreateChecked(value));
}
