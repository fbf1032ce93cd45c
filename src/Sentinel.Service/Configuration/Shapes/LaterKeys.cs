using System.Text.Json.Nodes;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Shapes;

/// <summary>Judges the values of keys that are not built yet.</summary>
internal static class LaterKeys
{
    /// <summary>Whether a value is the one that changes nothing: writing a default out is no mistake.</summary>
    public static bool AsksForNothing(LaterKey later, SourceNode node) => JsonNode.Parse(later.Harmless ?? "null") switch
    {
        JsonArray { Count: 0 } => node is ListNode { Items.Count: 0 },
        JsonValue value => node is ScalarNode scalar && scalar.Text.Equals(value.ToString(), StringComparison.OrdinalIgnoreCase)
            && (scalar.Kind == ScalarKind.Variable || scalar.Kind == KindOf(value)),
        _ => false,
    };

    private static ScalarKind KindOf(JsonValue value) => value.GetValueKind() switch
    {
        System.Text.Json.JsonValueKind.String => ScalarKind.Text,
        System.Text.Json.JsonValueKind.Number => ScalarKind.Number,
        _ => ScalarKind.Flag,
    };
}
