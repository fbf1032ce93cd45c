using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Sentinel.Service.Configuration.Text;

/// <summary>Reads JSON with comments and trailing commas into a tree that knows where everything was written.</summary>
internal static class SourceText
{
    private static readonly JsonReaderOptions Options = new()
    {
        CommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        MaxDepth = 32,
    };

    /// <summary>Reads the whole text.</summary>
    /// <param name="utf8">With or without a byte order mark.</param>
    /// <param name="errors">Takes the one error that stopped the reading.</param>
    /// <returns>Null if the text is not a JSON object.</returns>
    public static ObjectNode? Parse(ReadOnlySpan<byte> utf8, List<ConfigurationError> errors)
    {
        utf8 = utf8.StartsWith(Encoding.UTF8.Preamble) ? utf8[Encoding.UTF8.Preamble.Length..] : utf8;
        if (FirstInvalid(utf8) is { } invalid)
        {
            errors.Add(new("", new PlaceCursor(utf8).At(invalid), "bytes that are not UTF-8", "a text file in UTF-8: save it in that encoding"));
            return null;
        }

        var reader = new Utf8JsonReader(utf8, Options);
        var cursor = new PlaceCursor(utf8);
        try
        {
            reader.Read();
            var root = ReadValue(ref reader, ref cursor, null, "");
            reader.Read();
            if (root is ObjectNode file)
            {
                return file;
            }

            errors.Add(new("", root.Place, root.Describe(), "an object in braces: { \"backends\": … }"));
        }
        catch (JsonException problem)
        {
            errors.Add(SyntaxError.Explain(utf8, problem));
        }
        catch (InvalidOperationException)
        {
            // the reader's word for an escape such as \ud800 without its second half
            errors.Add(new("", cursor.At(reader.TokenStartIndex), "text with half a surrogate pair", "a \\uD8xx escape followed by its \\uDCxx"));
        }

        return null;
    }

    private static SourceNode ReadValue(ref Utf8JsonReader reader, ref PlaceCursor cursor, SourceNode? parent, string name)
    {
        var place = cursor.At(reader.TokenStartIndex);
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var node = new ObjectNode(parent, name, place);
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var namePlace = cursor.At(reader.TokenStartIndex);
                    var key = reader.GetString()!;
                    reader.Read();
                    node.Add(new(key, namePlace, ReadValue(ref reader, ref cursor, node, key)));
                }

                return node;
            case JsonTokenType.StartArray:
                var list = new ListNode(parent, name, place);
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    list.Items.Add(ReadValue(ref reader, ref cursor, list, $"[{list.Items.Count}]"));
                }

                return list;
            case JsonTokenType.String:
                return new ScalarNode(parent, name, place, ScalarKind.Text, reader.GetString()!);
            case JsonTokenType.Number:
                return new ScalarNode(parent, name, place, ScalarKind.Number, Encoding.UTF8.GetString(reader.ValueSpan));
            case JsonTokenType.True or JsonTokenType.False:
                return new ScalarNode(parent, name, place, ScalarKind.Flag, reader.GetBoolean() ? "true" : "false");
            default:
                return new ScalarNode(parent, name, place, ScalarKind.Null, "null");
        }
    }

    private static int? FirstInvalid(ReadOnlySpan<byte> utf8)
    {
        if (Utf8.IsValid(utf8))
        {
            return null;
        }

        var offset = 0;
        while (Rune.DecodeFromUtf8(utf8[offset..], out _, out var length) == System.Buffers.OperationStatus.Done)
        {
            offset += length;
        }

        return offset;
    }
}
