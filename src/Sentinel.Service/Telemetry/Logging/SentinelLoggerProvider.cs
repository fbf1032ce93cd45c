using System.Buffers;
using Microsoft.Extensions.Logging;

namespace Sentinel.Service.Telemetry.Logging;

/// <summary>The daemon's only logger: level, format and queue for everything that is logged in the process.</summary>
internal sealed class SentinelLoggerProvider : ILoggerProvider
{
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _threadBuffer;

    private readonly TimeProvider _time;
    private readonly LogQueue _queue;
    private volatile ILogFormat _format;
    private volatile LogLevel _minimum = LogLevel.Information;

    public SentinelLoggerProvider(Stream output, ILogFormat format, TimeProvider time)
    {
        (_format, _time) = (format, time);
        _queue = new LogQueue(output, Confess);
    }

    /// <summary>Lines that could not be written because nobody read them.</summary>
    public long Dropped => _queue.Dropped;

    /// <summary>The least that is logged of our own events.</summary>
    public LogLevel Minimum
    {
        get => _minimum;
        set => _minimum = value;
    }

    /// <summary>How lines look from now on.</summary>
    public ILogFormat Format
    {
        get => _format;
        set => _format = value;
    }

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    /// <summary>Waits, within reason, until every line was written.</summary>
    public void Flush() => _queue.Flush();

    public void Dispose() => _queue.Dispose();

    /// <summary>Libraries narrate at Information what only their authors want to know; they get one step less.</summary>
    private LogLevel MinimumFor(bool isOurs) => isOurs || _minimum is LogLevel.Trace or LogLevel.None ? _minimum
        : _minimum == LogLevel.Debug ? LogLevel.Information
        : (LogLevel)Math.Max((int)_minimum, (int)LogLevel.Warning);

    private void Confess(long count, IBufferWriter<byte> output)
    {
        var line = new LogLine(
            _time.GetUtcNow(), LogLevel.Warning, "log.dropped", Log.DroppedId,
            $"{count} log lines were dropped because standard output was not read in time.", [new("count", count)], null);
        _format.Write(line, output);
    }

    private void Write(in LogLine line)
    {
        var buffer = _threadBuffer ??= new ArrayBufferWriter<byte>(1024);
        buffer.ResetWrittenCount();
        _format.Write(line, buffer);
        _queue.Add(buffer.WrittenSpan);
    }

    private sealed class Logger(SentinelLoggerProvider provider, string category) : ILogger
    {
        private readonly bool _isOurs = EventNames.IsOurs(category);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None && logLevel >= provider.MinimumFor(_isOurs);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                provider.Write(new LogLine(
                    provider._time.GetUtcNow(), logLevel, EventNames.Of(category, eventId), eventId.Id,
                    formatter(state, exception), state as IReadOnlyList<KeyValuePair<string, object?>> ?? [], exception));
            }
        }
    }
}
