using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Sentinel.Service.Configuration.Text;

/// <summary>Says what is wrong where JSON ends to be JSON, in the words of somebody who writes the file by hand.</summary>
internal static class SyntaxError
{
    private static readonly SearchValues<byte> WordBytes =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+."u8);

    private const int LongestWord = 20;
    private const string Value = "a value: text in double quotes, a number, true, false, null, { or [";

    /// <summary>What the reader's messages contain, and what to tell instead; the first that fits.</summary>
    private static readonly (string Said, string Expected)[] Meanings =
    [
        ("depth", "fewer braces and brackets inside one another"),
        ("escapable character", "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX after a backslash: a path of Windows doubles it"),
        ("within a JSON string", "no control characters within text: write \\n, \\t and the like"),
        ("single JSON value", "nothing after the file's closing brace"),
        ("property name", "a key in double quotes, or the closing brace"),
        ("matching open", "that what was opened last, { or [, is closed first"),
        ("comment", "*/ at the end of a comment"),
        ("after a value", "a comma, or the closing brace or bracket, after the value before it"),
        ("leading zero", "a number without leading zeros"),
        ("number", "a number, or text in double quotes such as \"5s\""),
    ];

    /// <param name="utf8">The text, without byte order mark.</param>
    /// <param name="problem">What the reader said of it.</param>
    public static ConfigurationError Explain(ReadOnlySpan<byte> utf8, JsonException problem)
    {
        var offset = OffsetOf(utf8, problem);
        var blank = utf8[offset..].TrimStart(" \t\r\n"u8).IsEmpty;
        var (start, word) = problem.Message.Contains("JSON string", StringComparison.Ordinal) ? (offset, "") : WordAt(utf8, offset);
        var place = new PlaceCursor(utf8).At(start);
        if (blank)
        {
            return utf8[..offset].TrimStart(" \t\r\n"u8).IsEmpty || problem.Message.Contains("any JSON tokens", StringComparison.Ordinal)
                ? new("", place, "nothing but blanks", "an object in braces: { \"backends\": … }")
                : new("", place, "the end of the file", "more: a brace, bracket, quote or comment that was opened is never closed");
        }

        return new("", place, Found(utf8[offset..], word), Expected(problem.Message, utf8[offset], word));
    }

    /// <summary>The whole word or number around a byte, since the reader stops at the first letter that does not fit; empty if there is none.</summary>
    private static (int Start, string Word) WordAt(ReadOnlySpan<byte> utf8, int offset)
    {
        var start = utf8[..offset].LastIndexOfAnyExcept(WordBytes) + 1;
        var length = utf8[start..].IndexOfAnyExcept(WordBytes);
        var end = length < 0 ? utf8.Length : start + length;
        return end > offset ? (start, Encoding.UTF8.GetString(utf8[start..end])) : (offset, "");
    }

    /// <summary>Long words are not repeated: one could be a secret.</summary>
    private static string Found(ReadOnlySpan<byte> rest, string word)
    {
        Rune.DecodeFromUtf8(rest, out var rune, out _);
        return word.Length > LongestWord ? "a long word without quotes"
            : word.Length > 1 ? word
            : rune.Value is '\n' or '\r' ? "the end of the line"
            : rune.Value == '"' ? "a double quote"
            : Rune.IsControl(rune) ? $"the character 0x{rune.Value:X2}"
            : $"\"{rune}\"";
    }

    private static string Expected(string said, byte at, string word) =>
        at == '\'' ? "double quotes around keys and text"
        : at is (byte)'\n' or (byte)'\r' ? "the closing double quote of this text"
        : word.ToLowerInvariant() is "true" or "false" or "null" ? word.ToLowerInvariant()
        : said.Contains("after a property name", StringComparison.Ordinal) || said.Contains("':'", StringComparison.Ordinal) ? "a colon between a key and its value"
        : Meanings.FirstOrDefault(meaning => said.Contains(meaning.Said, StringComparison.Ordinal)).Expected ?? Value;

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
