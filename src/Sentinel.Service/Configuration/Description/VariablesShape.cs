using System.Text.Json.Nodes;
using Sentinel.Backends;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Description;

/// <summary>Environment variables of a command. Their names are told apart by case, as the system does.</summary>
internal sealed class VariablesShape : Shape<EquatableList<KeyValuePair<string, string>>>, IMapShape
{
    /// <inheritdoc/>
    public override string Expected => "an object in braces with variables by name";

    /// <inheritdoc/>
    public Shape Item => Forms.AnyText;

    /// <inheritdoc/>
    public StringComparison Comparison => StringComparison.Ordinal;

    /// <inheritdoc/>
    public override EquatableList<KeyValuePair<string, string>>? Read(SourceNode node, Reading reading)
    {
        if (node is not ObjectNode map)
        {
            reading.Fail(node, node.Describe(), Expected);
            return null;
        }

        var variables = new List<KeyValuePair<string, string>>();
        foreach (var member in map.Members)
        {
            if (variables.Any(variable => variable.Key == member.Name))
            {
                reading.Fail(member.Value.Path, member.NamePlace, $"the variable \"{member.Name}\" for the second time", "each variable once");
            }
            else if (member.Name.Length == 0 || member.Name.AsSpan().ContainsAny('=', '\0'))
            {
                reading.Fail(member.Value.Path, member.NamePlace, $"the variable {ScalarNode.Quote(member.Name)}", "a name without \"=\"");
            }

            variables.Add(new(member.Name, Forms.AnyText.Read(member.Value, reading) ?? ""));
        }

        return [.. variables];
    }

    /// <inheritdoc/>
    public override JsonObject ToSchema() => new() { ["type"] = "object", ["additionalProperties"] = Item.ToSchema() };
}
