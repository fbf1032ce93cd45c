using System.Text;
using System.Text.Json;

namespace Sentinel.Service.Configuration.Text;

/// <summary>Says what is wrong where JSON ends to be JSON, in the words of somebody who writes the file by hand.</summary>
internal static class SyntaxError
{
    /// <param name="utf8">The text, without byte order mark.</param>
    /// <param name="problem">What the reader said of it.</param>
    /// <param name="before">The last token that was right.</param>
    public static ConfigurationError Explain(ReadOnlySpan<byte> utf8, JsonException problem, JsonTokenType before)
    {
        var offset = OffsetOf(utf8, problem);
        var rest = utf8[offset..];
        var atEnd = rest.TrimStart(" \t\r\n"u8).IsEmpty;
        Rune.DecodeFromUtf8(rest, out var rune, out _);
        var found = atEnd ? (before == JsonTokenType.None ? "nothing but blanks" : "the end of the file")
            : Rune.IsControl(rune) ? $"the character 0x{rune.Value:X2}"
            : $"\"{rune}\"".Replace("\"\"\"", "a double quote", StringComparison.Ordinal);
        return new("", new PlaceCursor(utf8).At(offset), found, atEnd ? AtEnd(before) : Within(problem, rune, before));
    }

    private static string AtEnd(JsonTokenType before) =>
        before == JsonTokenType.None ? "an object in braces: { \"backends\": … }" : "more: a brace, bracket, quote or comment that was opened is never closed";

    private static string Within(JsonException problem, Rune rune, JsonTokenType before) => rune.Value switch
    {
        '\'' => "double quotes around keys and text",
        '\n' or '\r' => "the closing double quote of this text before the line ends",
        _ when problem.Message.Contains("depth", StringComparison.Ordinal) => "fewer braces and brackets inside one another",
        _ when problem.Message.Contains("within a JSON string", StringComparison.Ordinal) => "an escape: \\n, \\t and the like in place of control characters",
        _ when problem.Message.Contains("invalid escapable character", StringComparison.Ordinal) => "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX after a backslash",
        _ when problem.Message.Contains("single JSON value", StringComparison.Ordinal) || (before == JsonTokenType.EndObject && problem.Message.Contains("after a single", StringComparison.Ordinal)) =>
            "nothing after the file's closing brace",
        _ when before == JsonTokenType.PropertyName && problem.Message.Contains("':'", StringComparison.Ordinal) => "a colon between a key and its value",
        _ when problem.Message.Contains("property name", StringComparison.Ordinal) => "a key in double quotes, or the closing brace",
        _ when problem.Message.Contains("after a value", StringComparison.Ordinal) => "a comma, or the closing brace or bracket, after the value before it",
        _ when problem.Message.Contains("number", StringComparison.Ordinal) => "a number, or text in double quotes such as \"5s\"",
        _ => "a value: text in double quotes, a number, true, false, null, { or [",
    };

    /// <summary>The reader counts lines and bytes from zero.</summary>
    private static int OffsetOf(ReadOnlySpan<byte> utf8, JsonException problem)
    {
        var offset = 0;
        for (var line = problem.LineNumber ?? 0; line > 0; line--)
        {
            var next = utf8[offset..].IndexOf((byte)'\n');
            if (next < 0)
            {
                break;
            }

            offset += next + 1;
        }

        return (int)Math.Min(offset + (problem.BytePositionInLine ?? 0), utf8.Length);
    }
}
