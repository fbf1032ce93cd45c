using System.Buffers;
using Microsoft.Extensions.Logging;

namespace Sentinel.Service.Telemetry.Logging;

/// <summary>Turns an event into bytes. Stateless; called from many threads.</summary>
internal interface ILogFormat
{
    /// <summary>Writes the event, its line feed included.</summary>
    void Write(in LogLine line, IBufferWriter<byte> output);
}

internal static class LogPriority
{
    /// <summary>The prefix that tells the journal how bad a line is (sd-daemon(3)).</summary>
    public static ReadOnlySpan<byte> Of(LogLevel level) => level switch
    {
        LogLevel.Critical => "<2>"u8,
        LogLevel.Error => "<3>"u8,
        LogLevel.Warning => "<4>"u8,
        LogLevel.Information => "<6>"u8,
        _ => "<7>"u8,
    };
}
