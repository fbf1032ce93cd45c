using System.Buffers;
using System.Text;

namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>
/// Reads the field lines of a head or of trailers, one by one (RFC 9112 §5), and keeps them as the bytes they are, in memory that is
/// held until they are forgotten. Not thread-safe.
/// </summary>
internal sealed class FieldParser
{
    private const int MostFields = 500;

    private static readonly SearchValues<byte> Token = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    // What would end a line, or a string in the program behind us, and other control characters (RFC 9110 §5.5).
    private static readonly SearchValues<byte> NeverInValues = SearchValues.Create([.. Enumerable.Range(0, ' ').Append(127).Where(c => c != '\t').Select(c => (byte)c)]);

    private readonly List<Place> _places = [];
    private byte[] _bytes = [];
    private int _length;
    private int _size;

    public int Count => _places.Count;

    /// <summary>No less than all names and values together.</summary>
    public int Size => _length;

    /// <summary>As strings.</summary>
    public IEnumerable<(string Name, string Value)> Fields
    {
        get
        {
            for (var i = 0; i < _places.Count; i++)
            {
                yield return (FieldNames.Of(Name(i)), Encoding.Latin1.GetString(Value(i)));
            }
        }
    }

    /// <summary>Valid until something is read or forgotten.</summary>
    public ReadOnlySpan<byte> Name(int index) => _places[index] is var place ? _bytes.AsSpan(place.Name, place.NameLength) : default;

    /// <summary>Without the space around it; valid until something is read or forgotten.</summary>
    public ReadOnlySpan<byte> Value(int index) => _places[index] is var place ? _bytes.AsSpan(place.Value, place.ValueLength) : default;

    /// <summary>Forgets all, for the next head.</summary>
    public void Reset()
    {
        _places.Clear();
        (_size, _length) = (0, 0);
        if (_bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = [];
        }
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
            if (_size > ReadBuffer.LargestHead || _places.Count >= MostFields)
            {
                throw new AnswerMalformed($"fields of more than {ReadBuffer.LargestHead} bytes, or more than {MostFields} of them");
            }

            Parse(line);
        }

        return false;
    }

    private void Parse(ReadOnlySpan<byte> line)
    {
        if (line[0] is (byte)' ' or (byte)'\t')
        {
            Unfold(Bare(line));
            return;
        }

        // No space before the colon: servers disagree about what such a line means (RFC 9112 §5.1).
        var colon = line.IndexOf((byte)':');
        if (colon <= 0 || line[..colon].ContainsAnyExcept(Token))
        {
            throw new AnswerMalformed("a field line without a proper name");
        }

        var value = Bare(line[(colon + 1)..]);
        var start = Keep(line[..colon]);
        _places.Add(new(start, colon, Keep(value), value.Length));
    }

    // obs-fold: a proxy replaces it with a space (RFC 9112 §5.2).
    private void Unfold(ReadOnlySpan<byte> more)
    {
        if (_places.Count == 0)
        {
            throw new AnswerMalformed("a continued line that continues nothing");
        }

        // what is continued is what was kept last
        var place = _places[^1];
        if (place.ValueLength > 0 && !more.IsEmpty)
        {
            Keep(" "u8);
        }

        Keep(more);
        _places[^1] = place with { ValueLength = _length - place.Value };
    }

    private int Keep(ReadOnlySpan<byte> bytes)
    {
        if (_bytes.Length - _length < bytes.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(1024, (_length + bytes.Length) * 2));
            _bytes.AsSpan(0, _length).CopyTo(larger);
            if (_bytes.Length > 0)
            {
                ArrayPool<byte>.Shared.Return(_bytes);
            }

            _bytes = larger;
        }

        bytes.CopyTo(_bytes.AsSpan(_length));
        _length += bytes.Length;
        return _length - bytes.Length;
    }

    private static ReadOnlySpan<byte> Bare(ReadOnlySpan<byte> value)
    {
        value = value.Trim(" \t"u8);
        return value.ContainsAny(NeverInValues) ? throw new AnswerMalformed("a field with a control character") : value;
    }

    /// <summary>Where a field is in what was kept.</summary>
    private readonly record struct Place(int Name, int NameLength, int Value, int ValueLength);
}
