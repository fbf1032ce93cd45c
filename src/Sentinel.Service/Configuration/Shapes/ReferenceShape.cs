using System.Text.Json.Nodes;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Shapes;

/// <summary>The name of something that is given elsewhere in the file.</summary>
/// <param name="kind">What it names.</param>
/// <param name="make">Makes the identifier.</param>
internal sealed class ReferenceShape<T>(NameKind kind, Func<string, T> make) : ScalarShape<T>
{
    /// <inheritdoc/>
    public override string Expected => $"the name of a {kind.ToString().ToLowerInvariant()}";

    /// <inheritdoc/>
    protected override Parsed<T> Parse(string text, Reading reading) => make(text);

    /// <inheritdoc/>
    protected override void Note(T value, ScalarNode node, Reading reading) => reading.Names.Refer(kind, node.Text, node);

    /// <inheritdoc/>
    public override JsonObject ToSchema() => new() { ["type"] = "string" };
}
