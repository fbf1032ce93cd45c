using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Sentinel.Forwarding.Tests.Kit;

/// <summary>Keeps what was logged.</summary>
internal sealed class LogRecorder : ILoggerFactory, ILogger
{
    private readonly ConcurrentQueue<LogLine> _lines = [];

    public IReadOnlyList<LogLine> Lines => [.. _lines];

    /// <summary>The connections that ended, oldest first.</summary>
    public IReadOnlyList<LogLine> Ends => [.. _lines.Where(line => line.Event == "listener.connection.ended")];

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue(new(eventId.Name ?? "", logLevel, formatter(state, exception), exception,
            ((IReadOnlyList<KeyValuePair<string, object?>>)state!).ToDictionary(field => field.Key, field => field.Value)));

    public void Dispose()
    {
    }
}

internal sealed record LogLine(string Event, LogLevel Level, string Text, Exception? Exception, IReadOnlyDictionary<string, object?> Fields)
{
    public string? this[string field] => Fields[field]?.ToString();
}
