using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;

namespace Sentinel.Service.Admin.Page;

/// <summary>HTML. What is filled into <see cref="Html"/> is text and gets encoded, unless it is markup already.</summary>
internal readonly record struct Markup(string Text)
{
    /// <summary>Nothing.</summary>
    public static readonly Markup Empty = new("");

    /// <summary>Makes markup of a template.</summary>
    public static Markup Html(ref Template template) => new(template.Written());

    /// <summary>One after the other.</summary>
    public static Markup Join(IEnumerable<Markup> parts) => new(string.Concat(parts.Select(part => part.Text)));

    public override string ToString() => Text;

    [InterpolatedStringHandler]
    internal readonly ref struct Template
    {
        private readonly StringBuilder _text;

        public Template(int literalLength, int formattedCount) => _text = new StringBuilder(literalLength + (formattedCount * 16));

        public void AppendLiteral(string literal) => _text.Append(literal);

        public void AppendFormatted(Markup markup) => _text.Append(markup.Text);

        public void AppendFormatted(string? text) => _text.Append(HtmlEncoder.Default.Encode(text ?? ""));

        public void AppendFormatted(long number) => _text.Append(number);

        public string Written() => _text.ToString();
    }
}
