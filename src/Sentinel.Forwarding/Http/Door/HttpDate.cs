using System.Globalization;
using System.Text;

namespace Sentinel.Forwarding.Http.Door;

/// <summary>The field that says when an answer was made (RFC 9110 §6.6.1), written once a second. Thread-safe.</summary>
internal static class HttpDate
{
    private static Line _line = new(0, []);

    /// <summary>With its name and line end.</summary>
    public static ReadOnlySpan<byte> Field(TimeProvider time)
    {
        var now = time.GetUtcNow();
        var second = now.UtcTicks / TimeSpan.TicksPerSecond;
        var line = _line;
        if (line.Second != second)
        {
            _line = line = new(second, Encoding.ASCII.GetBytes($"Date: {now.ToString("R", CultureInfo.InvariantCulture)}\r\n"));
        }

        return line.Bytes;
    }

    private sealed record Line(long Second, byte[] Bytes);
}
