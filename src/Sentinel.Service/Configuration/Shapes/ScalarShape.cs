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

    /// <summary>Further duties of a value that is right in itself, such as entering it in a book.</summary>
    protected virtual void Note(T value, ScalarNode node, Reading reading)
    {
    }

    /// <inheritdoc/>
    public sealed override T? Read(SourceNode node, Reading reading)
    {
        if (node is not ScalarNode scalar || !Reads(scalar.Kind))
        {
            Refuse(node, new(node is ScalarNode { Kind: not ScalarKind.Null } other ? HintFor(other.Text, reading) : null), reading);
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

    /// <summary>What to do about a value that was written in another kind.</summary>
    private string? HintFor(string text, Reading reading) =>
        Parse(text, reading).Refusal is { } refusal ? refusal.Hint
        : Kind == ScalarKind.Text ? $"write \"{text}\" in double quotes"
        : $"write {text} without quotes";

    private void Refuse(SourceNode node, Refusal refusal, Reading reading)
    {
        var hint = refusal.Hint is null ? "" : $"; {refusal.Hint}";
        reading.Fail(node, refusal.Found ?? node.Describe(), (refusal.Expected ?? Expected) + hint);
    }
}
