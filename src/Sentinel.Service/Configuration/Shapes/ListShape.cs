using System.Text.Json.Nodes;
using Sentinel.Backends;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Shapes;

/// <summary>Values of one shape in order.</summary>
/// <param name="noun">What the items are, such as <c>addresses</c>.</param>
/// <param name="item">The shape of every item.</param>
/// <param name="atLeast">How many there must be.</param>
/// <param name="distinct">Whether an item may be there only once.</param>
/// <param name="first">The shape of the first item, where that is special.</param>
internal sealed class ListShape<T>(string noun, Shape<T> item, int atLeast = 0, bool distinct = false, Shape<T>? first = null)
    : Shape<EquatableList<T>>, IListShape
{
    /// <inheritdoc/>
    public override string Expected => $"a list of {noun} in brackets";

    /// <inheritdoc/>
    public Shape Item => item;

    /// <inheritdoc/>
    public override EquatableList<T>? Read(SourceNode node, Reading reading)
    {
        if (node is not ListNode list)
        {
            reading.Fail(node, node.Describe(), node is ScalarNode { Kind: ScalarKind.Text } text ? $"{Expected}; write {InBrackets(text.Text)}" : Expected);
            return null;
        }

        if (list.Items.Count < atLeast)
        {
            reading.Fail(node, node.Describe(), $"{Expected} with at least {atLeast} in it");
        }

        var values = new List<T>();
        foreach (var (index, child) in list.Items.Index())
        {
            var before = reading.ErrorCount;
            var value = (index == 0 && first is not null ? first : item).Read(child, reading);
            if (reading.ErrorCount == before)
            {
                if (distinct && values.Contains(value!))
                {
                    reading.Fail(child, $"{child.Describe()} for the second time", "each once");
                }

                values.Add(value!);
            }
        }

        return [.. values];
    }

    /// <summary>What somebody meant who wrote the items one after the other as one text.</summary>
    private static string InBrackets(string text) =>
        $"[{string.Join(", ", text.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries).Select(ScalarNode.Quote))}]";

    /// <inheritdoc/>
    public override JsonObject ToSchema()
    {
        var schema = new JsonObject { ["type"] = "array", ["items"] = item.ToSchema() };
        if (atLeast > 0)
        {
            schema["minItems"] = atLeast;
        }

        if (distinct)
        {
            schema["uniqueItems"] = true;
        }

        return schema;
    }

    /// <inheritdoc/>
    public override JsonNode? ToJson(EquatableList<T> value) => new JsonArray([.. value.Select(item.ToJson)]);
}
