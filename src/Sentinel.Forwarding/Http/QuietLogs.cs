using Microsoft.Extensions.Logging;

namespace Sentinel.Forwarding.Http;

/// <summary>
/// Lets Kestrel's and YARP's own messages through from error on. Their everyday ones (every request proxied, every
/// request that failed) are told once, by <see cref="Log"/> and by the end of the connection.
/// </summary>
internal sealed class QuietLogs(ILoggerFactory logs) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => new Quiet(logs.CreateLogger(categoryName));

    public void AddProvider(ILoggerProvider provider) => logs.AddProvider(provider);

    /// <summary>Nothing: the factory behind it is its owner's.</summary>
    public void Dispose()
    {
    }

    private sealed class Quiet(ILogger logger) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error && logger.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                logger.Log(logLevel, eventId, state, exception, formatter);
            }
        }
    }
}
