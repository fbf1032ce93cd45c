using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Sentinel.Service.Telemetry.Logging;

/// <summary>Lines for people: time, level, event, message; what was thrown follows, indented.</summary>
/// <param name="withPriority">Whether the journal reads along and wants each line's priority in front.</param>
/// <param name="withColour">Whether a terminal reads along.</param>
internal sealed class TextLogFormat(bool withPriority, bool withColour) : ILogFormat
{
    private const string Dim = "\e[2m";
    private const string Plain = "\e[0m";

    public void Write(in LogLine line, IBufferWriter<byte> output)
    {
        var (dim, plain) = withColour ? (Dim, Plain) : ("", "");
        var colour = withColour ? Colour(line.Level) : "";
        var text = new StringBuilder()
            .Append(dim).Append(line.At.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)).Append(plain).Append(' ')
            .Append(colour).Append(LogLevelNames.Of(line.Level).PadRight(8)).Append(colour.Length > 0 ? plain : "").Append(' ')
            .Append(dim).Append(line.Event.PadRight(25)).Append(plain).Append(' ')
            .Append(OneLine(line.Message));
        WriteLine(text.ToString(), line.Level, output);
        if (line.Error is not null)
        {
            foreach (var more in line.Error.ToString().Split('\n'))
            {
                WriteLine("    " + OneLine(more.TrimEnd('\r')), line.Level, output);
            }
        }
    }

    private void WriteLine(string text, LogLevel level, IBufferWriter<byte> output)
    {
        if (withPriority)
        {
            output.Write(LogPriority.Of(level));
        }

        Encoding.UTF8.GetBytes(text, output);
        output.Write("\n"u8);
    }

    /// <summary>What others wrote must neither start a line of its own nor command the terminal.</summary>
    private static string OneLine(string text) =>
        text.AsSpan().IndexOfAnyInRange('\0', '\x1f') < 0 && text.AsSpan().IndexOfAnyInRange('\x7f', '\x9f') < 0
            ? text
            : string.Create(text.Length, text, (span, source) =>
            {
                for (var i = 0; i < span.Length; i++)
                {
                    span[i] = char.IsControl(source[i]) ? ' ' : source[i];
                }
            });

    private static string Colour(LogLevel level) => level switch
    {
        LogLevel.Critical or LogLevel.Error => "\e[31m",
        LogLevel.Warning => "\e[33m",
        LogLevel.Information => "\e[32m",
        _ => Dim,
    };
}
