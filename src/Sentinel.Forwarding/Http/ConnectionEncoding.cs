using System.Text;

namespace Sentinel.Forwarding.Http;

/// <summary>
/// Bytes as they are, but for options that Kestrel knows: where a Connection field has one of these and no other, Kestrel keeps that and forgets what else it names,
/// and what a client names beside <c>close</c> to be for one hop would pass. It keeps whole what names two, so <c>keep-alive</c> is said beside the others,
/// where it changes nothing, and left out of lists, where it is what holds anyway; but for who speaks HTTP/1.0 and sends lists.
/// </summary>
/// <remarks>A line that says <c>keep-alive</c> alone is left as it is: HTTP/1.0 means something by it. What a second line names beside it passes.</remarks>
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
        var options = text.Split(',');
        return options.Any(static option => Is(option, "close") || Is(option, "upgrade")) ? $"{text},{KeepAlive}"
            : options.Length == 1 ? text
            : string.Join(',', options.Where(static option => !Is(option, KeepAlive)));
    }

    // blanks alone are nothing to Kestrel
    private static bool Is(string option, string known) => option.AsSpan().Trim(' ').Equals(known, StringComparison.OrdinalIgnoreCase);
}
