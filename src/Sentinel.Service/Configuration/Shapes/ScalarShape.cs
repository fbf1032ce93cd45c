using System.Globalization;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Shapes;

/// <summary>A single value. In the file it has a JSON type; in an environment variable it is always text.</summary>
internal abstract class ScalarShape<T> : Shape<T>
{
    /// <summary>How it is written in the file.</summary>
    protected virtual ScalarKind Kind => ScalarKind.Text;

    /// <summary>Understands the text of a value of the right kind.</summary>
    protected abstract Parsed<T> Parse(string text, Reading reading);

    /// <summary>Whether a value is written in a kind that this shape reads.</summary>
    protected virtual bool Reads(ScalarKind kind) => kind == Kind || kind == ScalarKind.Variable;

    /// <summary>What to do about a value that was written in another kind; null if there is no good guess.</summary>
    protected virtual string? HintFor(ScalarNode node) => (Kind, node.Kind) switch
    {
        (ScalarKind.Number, ScalarKind.Text) when decimal.TryParse(node.Text, NumberStyles.Number, CultureInfo.InvariantCulture, out _) => $"write {node.Text} without quotes",
        (ScalarKind.Flag, ScalarKind.Text) when bool.TryParse(node.Text, out var flag) => $"write {(flag ? "true" : "false")} without quotes",
        (ScalarKind.Text, ScalarKind.Number or ScalarKind.Flag) => $"write \"{node.Text}\" in double quotes",
        _ => null,
    };

    /// <summary>Further duties of a value that is right in itself, such as entering it in a book.</summary>
    protected virtual void Note(T value, ScalarNode node, Reading reading)
    {
    }

    /// <inheritdoc/>
    public sealed override T? Read(SourceNode node, Reading reading)
    {
        if (node is not ScalarNode scalar || !Reads(scalar.Kind))
        {
            Refuse(node, new(node is ScalarNode other ? HintFor(other) : null), reading);
            return default;
        }

        var parsed = Parse(scalar.Text, reading);
        if (parsed.Refusal is { } refusal)
        {
            Refuse(node, refusal, reading);
            return default;
        }

        Note(parsed.Value!, scalar, reading);
        return parsed.Value;
    }

    private void Refuse(SourceNode node, Refusal refusal, Reading reading)
    {
        var hint = refusal.Hint is null ? "" : $"; {refusal.Hint}";
        reading.Fail(node, refusal.Found ?? node.Describe(), (refusal.Expected ?? Expected) + hint);
    }
}
