using System.Buffers;
using System.Text;

namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>Reads the field lines of a head or of trailers, one by one (RFC 9112 §5). Not thread-safe.</summary>
internal sealed class FieldParser
{
    private const int MostFields = 500;

    private static readonly SearchValues<byte> Token = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    // What would end a line, or a string in the program behind us.
    private static readonly SearchValues<byte> NeverInValues = SearchValues.Create("\r\n\0"u8);

    private readonly List<(string Name, string Value)> _fields = [];
    private int _size;

    public List<(string Name, string Value)> Fields => _fields;

    /// <summary>Forgets all, for the next head.</summary>
    public void Reset()
    {
        _fields.Clear();
        _size = 0;
    }

    /// <summary>Takes lines as far as they have arrived.</summary>
    /// <returns>True after the empty line that ends the fields.</returns>
    /// <exception cref="AnswerMalformed">A line that is no field, or too much of them.</exception>
    public bool TryParse(ReadBuffer buffer)
    {
        while (buffer.TryReadLine(out var line))
        {
            if (line.IsEmpty)
            {
                return true;
            }

            _size += line.Length;
            if (_size > ReadBuffer.LargestHead || _fields.Count >= MostFields)
            {
                throw new AnswerMalformed($"fields of more than {ReadBuffer.LargestHead} bytes, or more than {MostFields} of them");
            }

            Parse(line);
        }

        return false;
    }

    /// <summary>All values of a list-valued field, split at commas.</summary>
    /// <returns>Null if there is no such field, or nothing in it.</returns>
    public List<string>? List(string name)
    {
        List<string>? items = null;
        foreach (var (field, value) in _fields)
        {
            if (field.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                foreach (var item in value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
                {
                    (items ??= []).Add(item);
                }
            }
        }

        return items;
    }

    private void Parse(ReadOnlySpan<byte> line)
    {
        if (line[0] is (byte)' ' or (byte)'\t')
        {
            Unfold(line);
            return;
        }

        // No space before the colon: servers disagree about what such a line means (RFC 9112 §5.1).
        var colon = line.IndexOf((byte)':');
        if (colon <= 0 || line[..colon].ContainsAnyExcept(Token))
        {
            throw new AnswerMalformed("a field line without a proper name");
        }

        _fields.Add((FieldNames.Of(line[..colon]), Value(line[(colon + 1)..])));
    }

    // obs-fold: a proxy replaces it with a space (RFC 9112 §5.2).
    private void Unfold(ReadOnlySpan<byte> line)
    {
        if (_fields.Count == 0)
        {
            throw new AnswerMalformed("a continued line that continues nothing");
        }

        var (name, value) = _fields[^1];
        _fields[^1] = (name, $"{value} {Value(line)}".Trim());
    }

    private static string Value(ReadOnlySpan<byte> bytes)
    {
        bytes = bytes.Trim(" \t"u8);
        return bytes.ContainsAny(NeverInValues) ? throw new AnswerMalformed("a field with a control character") : Encoding.Latin1.GetString(bytes);
    }
}
