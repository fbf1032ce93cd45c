using System.Text.Json.Nodes;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Shapes;

/// <summary>An object with known keys. Derived classes are the description of the file, one class for each kind of object.</summary>
internal abstract class ObjectShape<T> : Shape<T>, IObjectShape
{
    /// <summary>What it describes, such as <c>a backend</c>.</summary>
    protected abstract string Noun { get; }

    /// <summary>In the order of the documentation, which is also the order in which they are read.</summary>
    public abstract IReadOnlyList<Key> Keys { get; }

    /// <inheritdoc/>
    public virtual IReadOnlyList<LaterKey> Later => [];

    /// <summary>Whether the defaults of keys hold wherever this object stands.</summary>
    protected virtual bool HasDefaults => true;

    /// <inheritdoc/>
    public override string Expected => $"{Noun} as an object in braces";

    /// <summary>Judges keys against one another. Called even if some are wrong, so that all errors come at once.</summary>
    protected virtual void Check(Fields fields)
    {
    }

    /// <summary>Makes the result. Called only if nothing is wrong.</summary>
    protected abstract T Build(Fields fields);

    /// <inheritdoc/>
    public sealed override T? Read(SourceNode node, Reading reading)
    {
        var before = reading.ErrorCount;
        return Scan(node, reading) is { } fields && reading.ErrorCount == before ? Build(fields) : default;
    }

    /// <summary>Reads and judges all keys.</summary>
    /// <returns>Null if it is not an object at all.</returns>
    public Fields? Scan(SourceNode node, Reading reading)
    {
        if (node is not ObjectNode it)
        {
            reading.Fail(node, node.Describe(), Expected);
            return null;
        }

        var written = new Dictionary<string, Member>(StringComparer.OrdinalIgnoreCase);
        var fields = new Fields(it, reading);
        foreach (var member in it.Members)
        {
            if (!written.TryAdd(member.Name, member))
            {
                var first = written[member.Name].NamePlace.Line;
                reading.Fail(member.Value.Path, member.NamePlace, $"the key \"{member.Name}\" for the second time (first on line {first})", "each key once");
            }
            else if (!Keys.Any(key => Is(key.Name, member)) && NotKnown(member, reading) is { } meant)
            {
                fields.Misspelt.Add(meant);
            }
        }

        foreach (var key in Keys)
        {
            var isNull = !written.TryGetValue(key.Name, out var member) || member.Value is ScalarNode { Kind: ScalarKind.Null };
            if (!isNull || (member.Value is not null && key.Need != KeyNeed.Optional))
            {
                fields.Read(key, member.Value);
            }
            else if (key.Need == KeyNeed.Required && fields.IsMissing(key))
            {
                fields.Fail(key, key.Shape.Expected);
            }
        }

        Check(fields);
        return fields;
    }

    /// <inheritdoc/>
    public override JsonObject ToSchema()
    {
        var properties = new JsonObject();
        foreach (var key in Keys)
        {
            properties.Add(key.Name, key.ToSchema(HasDefaults));
        }

        foreach (var later in Later.Where(later => later.Harmless is not null))
        {
            properties.Add(later.Name, new JsonObject { ["description"] = "Not supported yet.", ["const"] = JsonNode.Parse(later.Harmless!) });
        }

        var schema = new JsonObject { ["type"] = "object", ["properties"] = properties, ["additionalProperties"] = false };
        if (Keys.Any(key => key.Need == KeyNeed.Required))
        {
            schema["required"] = new JsonArray([.. Keys.Where(key => key.Need == KeyNeed.Required).Select(key => (JsonNode)key.Name)]);
        }

        return schema;
    }

    /// <summary>Refuses a key that is not known, or not known yet.</summary>
    /// <returns>The key that was probably meant.</returns>
    private string? NotKnown(Member member, Reading reading)
    {
        if (Later.FirstOrDefault(later => Is(later.Name, member)) is { } later)
        {
            if (later.Harmless is null)
            {
                reading.Fail(member.Value, $"the key \"{later.Name}\", which is not supported yet", "a file without it");
            }
            else if (!LaterKeys.AsksForNothing(later, member.Value))
            {
                reading.Fail(member.Value, $"{member.Value.Describe()}, which is not supported yet", $"{later.Harmless}, or no such key");
            }

            return null;
        }

        var names = Keys.Select(key => key.Name).Where(name => name[0] != '$').ToList();
        var meant = NearMiss.Of(member.Name, names.Concat(Later.Select(later => later.Name)));
        var hint = meant is not null ? $"a key of {Noun}; did you mean \"{meant}\"?"
            : names.Count == 0 ? $"no key: {Noun} has none yet"
            : $"one of the keys {string.Join(", ", names)}";
        reading.Fail(member.Value.Path, member.NamePlace, $"the unknown key {ScalarNode.Quote(member.Name)}", hint);
        return meant;
    }

    private static bool Is(string key, Member member) => key.Equals(member.Name, StringComparison.OrdinalIgnoreCase);
}
