using System.Text.Json.Nodes;
using Sentinel.Backends;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Text;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Shapes;

/// <summary>An object whose keys are names that the user gives; each value takes its name from <see cref="SourceNode.Name"/>.</summary>
/// <param name="noun">What the values are, such as <c>backends</c>.</param>
/// <param name="item">The shape of every value.</param>
/// <param name="kind">What the names name.</param>
/// <param name="atLeast">How many there must be.</param>
internal sealed class MapShape<T>(string noun, Shape<T> item, NameKind kind, int atLeast = 0) : Shape<EquatableList<T>>, IMapShape
{
    /// <inheritdoc/>
    public override string Expected => $"an object in braces with {noun} by name";

    /// <inheritdoc/>
    public Shape Item => item;

    /// <summary>The environment gives names without regard to case, so no two may differ in case alone.</summary>
    public StringComparison Comparison => StringComparison.OrdinalIgnoreCase;

    /// <inheritdoc/>
    public override EquatableList<T>? Read(SourceNode node, Reading reading)
    {
        if (node is not ObjectNode map)
        {
            reading.Fail(node, node.Describe(), Expected);
            return null;
        }

        if (map.Members.Count < atLeast)
        {
            reading.Fail(node, $"no {noun}", $"at least {atLeast}");
        }

        var items = new List<T>();
        var names = new Dictionary<string, Member>(StringComparer.OrdinalIgnoreCase);
        foreach (var member in map.Members)
        {
            if (!names.TryAdd(member.Name, member))
            {
                var first = names[member.Name];
                var again = first.Name == member.Name ? "for the second time" : $"beside \"{first.Name}\", which differs in case alone";
                reading.Fail(member.Value.Path, member.NamePlace, $"the name \"{member.Name}\" {again} (first on line {first.NamePlace.Line})", "each name once");
            }
            else if (!GivenName.IsRight(member.Name))
            {
                reading.Fail(member.Value.Path, member.NamePlace, $"the name {ScalarNode.Quote(member.Name)}", GivenName.Expected);
            }

            if (item.Read(member.Value, reading) is { } value)
            {
                items.Add(value);
            }
        }

        reading.Names.Give(kind, names.Keys);
        return [.. items];
    }

    /// <inheritdoc/>
    public override JsonObject ToSchema()
    {
        var schema = new JsonObject { ["type"] = "object", ["propertyNames"] = new JsonObject { ["pattern"] = GivenName.Pattern }, ["additionalProperties"] = item.ToSchema() };
        if (atLeast > 0)
        {
            schema["minProperties"] = atLeast;
        }

        return schema;
    }
}
