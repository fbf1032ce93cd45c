namespace Sentinel.Service.Configuration.Text;

/// <summary>Turns growing byte offsets into lines and columns, in one pass over the text.</summary>
internal ref struct PlaceCursor(ReadOnlySpan<byte> utf8)
{
    private readonly ReadOnlySpan<byte> _utf8 = utf8;
    private int _offset;
    private int _line = 1;
    private int _column = 1;

    /// <summary>The place of a byte. Columns count characters (code points), a tab as one.</summary>
    /// <param name="offset">Not less than at the last call.</param>
    public ConfigurationPlace At(long offset)
    {
        for (; _offset < offset && _offset < _utf8.Length; _offset++)
        {
            var unit = _utf8[_offset];
            if (unit == '\n')
            {
                (_line, _column) = (_line + 1, 1);
            }
            else if ((unit & 0xC0) != 0x80)
            {
                // all but the continuation bytes of UTF-8
                _column++;
            }
        }

        return new(_line, _column);
    }
}
