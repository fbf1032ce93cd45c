using System.Text.Json.Nodes;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Shapes;

/// <summary>Whether a key must be there.</summary>
internal enum KeyNeed
{
    /// <summary>It must.</summary>
    Required,

    /// <summary>Left out, it has its default.</summary>
    Defaulted,

    /// <summary>Left out or null, there is none.</summary>
    Optional,
}

/// <summary>One key of an object: its name, what it holds and what it is for.</summary>
internal abstract class Key(string name, KeyNeed need, string about)
{
    /// <summary>As documented; matched without regard to case.</summary>
    public string Name => name;

    /// <summary>Whether it must be there.</summary>
    public KeyNeed Need => need;

    /// <summary>For people: the schema's description.</summary>
    public string About => about;

    /// <summary>What it holds.</summary>
    public abstract Shape Shape { get; }

    /// <summary>Its value read, boxed.</summary>
    public abstract object? Read(SourceNode node, Reading reading);

    /// <summary>Its default as the file would write it.</summary>
    protected abstract JsonNode? DefaultJson { get; }

    /// <summary>A key that must be there.</summary>
    public static Key<T> Required<T>(string name, Shape<T> shape, string about) => new(name, shape, KeyNeed.Required, default!, about);

    /// <summary>A key with a default.</summary>
    public static Key<T> Default<T>(string name, Shape<T> shape, T value, string about) => new(name, shape, KeyNeed.Defaulted, value, about);

    /// <summary>A key that may be left out.</summary>
    public static Key<T> Optional<T>(string name, Shape<T> shape, string about) => new(name, shape, KeyNeed.Optional, default!, about);

    /// <summary>The schema of its value.</summary>
    /// <param name="withDefault">False where the default depends on the rest of the file.</param>
    public JsonObject ToSchema(bool withDefault)
    {
        var schema = Shape.ToSchema();
        if (Need == KeyNeed.Optional)
        {
            AllowNull(schema);
        }

        schema.Insert(0, "description", About);
        if (withDefault && DefaultJson is { } value)
        {
            schema["default"] = value;
        }

        return schema;
    }

    private static void AllowNull(JsonObject schema)
    {
        if (schema["type"] is JsonValue type)
        {
            schema["type"] = new JsonArray(type.DeepClone(), "null");
        }

        if (schema["enum"] is JsonArray words)
        {
            words.Add(null);
        }

        if (schema["anyOf"] is JsonArray choices)
        {
            choices.Add((JsonNode)new JsonObject { ["type"] = "null" });
        }
    }
}

/// <summary>A key that holds a <typeparamref name="T"/>.</summary>
internal sealed class Key<T>(string name, Shape<T> shape, KeyNeed need, T value, string about) : Key(name, need, about)
{
    /// <inheritdoc/>
    public override Shape Shape => shape;

    /// <summary>What it is if left out.</summary>
    public T DefaultValue => value;

    /// <inheritdoc/>
    protected override JsonNode? DefaultJson => Need == KeyNeed.Defaulted ? shape.ToJson(value) : null;

    /// <inheritdoc/>
    public override object? Read(SourceNode node, Reading reading) => shape.Read(node, reading);
}
