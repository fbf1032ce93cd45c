using System.Text;

namespace Sentinel.Forwarding.Http;

/// <summary>
/// Bytes as they are, but for lists with options that Kestrel knows: of a Connection field with one of these it keeps nothing else, and what a client names beside
/// <c>close</c> to be for one hop would pass. It keeps a list whole that names two, and <c>keep-alive</c> changes nothing beside the others.
/// </summary>
internal sealed class ConnectionEncoding : Encoding
{
    public static readonly ConnectionEncoding Instance = new();

    private const string KeepAlive = "keep-alive";

    private ConnectionEncoding()
    {
    }

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
    {
        var text = Read(bytes.AsSpan(byteIndex, byteCount));
        text.CopyTo(chars.AsSpan(charIndex));
        return text.Length;
    }

    public override int GetCharCount(byte[] bytes, int index, int count) => Read(bytes.AsSpan(index, count)).Length;

    public override int GetMaxCharCount(int byteCount) => byteCount + KeepAlive.Length + 1;

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) => throw new NotSupportedException();

    public override int GetByteCount(char[] chars, int index, int count) => throw new NotSupportedException();

    public override int GetMaxByteCount(int charCount) => charCount;

    private static string Read(ReadOnlySpan<byte> bytes)
    {
        var text = Latin1.GetString(bytes);
        if (!text.Contains(',', StringComparison.Ordinal))
        {
            return text;
        }

        var options = text.Split(',', StringSplitOptions.TrimEntries);
        return options.Any(static option => Is(option, "close") || Is(option, "upgrade")) ? $"{text},{KeepAlive}"

            // alone it is what holds anyway, but for who speaks HTTP/1.0 and sends lists
            : string.Join(',', options.Where(static option => !Is(option, KeepAlive)));
    }

    private static bool Is(string option, string known) => option.Equals(known, StringComparison.OrdinalIgnoreCase);
}
