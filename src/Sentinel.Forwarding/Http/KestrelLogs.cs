using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Sentinel.Forwarding.Http;

/// <summary>What Kestrel logs. There, and nowhere else, it tells that a request's head did not come in time.</summary>
/// <param name="logs">Gets everything but what Kestrel has against requests, or against clients that flood it.</param>
/// <param name="late">Told the id of each connection whose head is late. Any thread.</param>
internal sealed class KestrelLogs(ILoggerFactory logs, Action<string> late) : ILoggerFactory
{
    private const string BadRequests = "Microsoft.AspNetCore.Server.Kestrel.BadRequests";

    private const string Http2 = "Microsoft.AspNetCore.Server.Kestrel.Http2";

    public ILogger CreateLogger(string categoryName) => categoryName switch
    {
        BadRequests => new Complaints(late),
        Http2 => new WithoutFloods(logs.CreateLogger(categoryName)),
        _ => logs.CreateLogger(categoryName),
    };

    public void AddProvider(ILoggerProvider provider) => logs.AddProvider(provider);

    /// <summary>Nothing: the factory behind it is its owner's.</summary>
    public void Dispose()
    {
    }

    private sealed class Complaints(Action<string> late) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (exception is BadHttpRequestException { StatusCode: StatusCodes.Status408RequestTimeout } && state is IReadOnlyList<KeyValuePair<string, object?>> and [{ Value: string connection }, ..])
            {
                late(connection);
            }
        }
    }

    /// <summary>Of a connection that it ends because too much waits to be said on it, Kestrel tells as of a catastrophe, a dozen times. Whoever resets streams without end would fill the disk.</summary>
    private sealed class WithoutFloods(ILogger logger) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => logger.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => logger.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name != "Http2QueueOperationsExceeded")
            {
                logger.Log(logLevel, eventId, state, exception, formatter);
            }
        }
    }
}
