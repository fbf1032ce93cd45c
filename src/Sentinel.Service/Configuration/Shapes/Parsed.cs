namespace Sentinel.Service.Configuration.Shapes;

/// <summary>What became of a text.</summary>
internal readonly struct Parsed<T>
{
    private Parsed(T? value, Refusal? refusal) => (Value, Refusal) = (value, refusal);

    /// <summary>What the text means, unless it was refused.</summary>
    public T? Value { get; }

    /// <summary>Why it was refused; null if it was not.</summary>
    public Refusal? Refusal { get; }

    /// <summary>A text that was understood.</summary>
    public static implicit operator Parsed<T>(T value) => new(value, null);

    /// <summary>A text that was not.</summary>
    public static implicit operator Parsed<T>(Refusal refusal) => new(default, refusal);
}

/// <summary>Why a text was refused, as far as the usual sentence does not say it.</summary>
/// <param name="Hint">What to write in its place, such as <c>write "5s"</c>.</param>
/// <param name="Found">Replaces the value itself, for instance where it could be a secret.</param>
/// <param name="Expected">Replaces what the shape usually asks for.</param>
internal sealed record Refusal(string? Hint = null, string? Found = null, string? Expected = null)
{
    /// <summary>The usual sentence says it all.</summary>
    public static readonly Refusal Plain = new();
}
