using System.Text.Json.Nodes;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Shapes;

/// <summary>What a value of the file may be. Reading it and its JSON Schema both come from here.</summary>
internal abstract class Shape
{
    /// <summary>As an error asks for it, such as <c>a port from 1 to 65535</c>.</summary>
    public abstract string Expected { get; }

    /// <summary>Its JSON Schema, new at each call so that the caller may add to it.</summary>
    public abstract JsonObject ToSchema();
}

/// <summary>A shape that becomes a <typeparamref name="T"/>.</summary>
internal abstract class Shape<T> : Shape
{
    /// <summary>Reads a value and reports whatever is wrong with it. If anything was reported, the result means nothing.</summary>
    public abstract T? Read(SourceNode node, Reading reading);

    /// <summary>As the file would write it; null for what is never a default.</summary>
    public virtual JsonNode? ToJson(T value) => null;
}

/// <summary>Something with known keys.</summary>
internal interface IObjectShape
{
    /// <summary>All keys that are understood.</summary>
    IReadOnlyList<Key> Keys { get; }

    /// <summary>Keys that later versions will understand.</summary>
    IReadOnlyList<LaterKey> Later { get; }
}

/// <summary>Something whose keys are names that the user gives.</summary>
internal interface IMapShape
{
    /// <summary>The shape of every value.</summary>
    Shape Item { get; }

    /// <summary>How names are told apart.</summary>
    StringComparison Comparison { get; }
}

/// <summary>Something in order.</summary>
internal interface IListShape
{
    /// <summary>The shape of every item.</summary>
    Shape Item { get; }
}

/// <summary>A key that is specified and not built yet.</summary>
/// <param name="Name">The key.</param>
/// <param name="Harmless">The one value that asks for nothing, as JSON, and is accepted; null if there is none.</param>
internal sealed record LaterKey(string Name, string? Harmless = null);
