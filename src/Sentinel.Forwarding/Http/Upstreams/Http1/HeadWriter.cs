using System.Buffers;
using System.Globalization;
using System.Text;
using Sentinel.Forwarding.Http.Loops;

namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>Writes the head of a request (RFC 9112 §3, §5), or what ends its chunks (§7.1), into pooled memory. Not thread-safe.</summary>
internal sealed class HeadWriter
{
    private static readonly SearchValues<char> NeverInLines = SearchValues.Create("\r\n\0");
    private static readonly SearchValues<char> NeverInNames = SearchValues.Create("\r\n\0 :");

    private byte[] _bytes = [];
    private int _length;

    /// <summary>What is written so far; until <see cref="Release"/>.</summary>
    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, _length);

    public void Start(string method, string target, bool isHttp10 = false)
    {
        _length = 0;
        Text(method);
        Bytes(" "u8);
        Text(target);
        Bytes(isHttp10 ? " HTTP/1.0\r\n"u8 : " HTTP/1.1\r\n"u8);
    }

    /// <summary>Begins with a line that is written already.</summary>
    public void Start(ReadOnlySpan<byte> line)
    {
        _length = 0;
        Bytes(line);
        Bytes("\r\n"u8);
    }

    /// <summary>Fields that are written already.</summary>
    public void Lines(ReadOnlySpan<byte> lines) => Bytes(lines);

    /// <param name="name">Checked.</param>
    /// <param name="value">Checked.</param>
    public void Field(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var room = Room(name.Length + value.Length + 4);
        name.CopyTo(room);
        ": "u8.CopyTo(room[name.Length..]);
        value.CopyTo(room[(name.Length + 2)..]);
        "\r\n"u8.CopyTo(room[(name.Length + 2 + value.Length)..]);
        _length += name.Length + value.Length + 4;
    }

    /// <exception cref="InvalidOperationException">The name or the value would end where it does not, and write the rest of the head. No such gets as far as here.</exception>
    public void Field(string name, ReadOnlySpan<char> value)
    {
        if (value.ContainsAny(NeverInLines) || name.AsSpan().ContainsAny(NeverInNames))
        {
            throw new InvalidOperationException("A field has a line end in it.");
        }

        Text(name);
        Bytes(": "u8);
        Text(value);
        Bytes("\r\n"u8);
    }

    public void Number(string name, long value)
    {
        Text(name);
        Bytes(": "u8);
        value.TryFormat(Room(20), out var length, default, CultureInfo.InvariantCulture);
        _length += length;
        Bytes("\r\n"u8);
    }

    public void End() => Bytes("\r\n"u8);

    /// <summary>Gives the memory back.</summary>
    public void Release()
    {
        if (_bytes.Length > 0)
        {
            BufferStock.GiveBack(_bytes);
            (_bytes, _length) = ([], 0);
        }
    }

    private void Text(ReadOnlySpan<char> text) => _length += Encoding.Latin1.GetBytes(text, Room(text.Length));

    private void Bytes(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Room(bytes.Length));
        _length += bytes.Length;
    }

    private Span<byte> Room(int length)
    {
        if (_bytes.Length - _length < length)
        {
            var larger = BufferStock.Take((_length + length) * 2);
            _bytes.AsSpan(0, _length).CopyTo(larger);
            if (_bytes.Length > 0)
            {
                BufferStock.GiveBack(_bytes);
            }

            _bytes = larger;
        }

        return _bytes.AsSpan(_length);
    }
}
