using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Sentinel.Forwarding.Http;

/// <summary>What Kestrel logs. There, and nowhere else, it tells that a request's head did not come in time.</summary>
/// <param name="logs">Gets everything but what Kestrel has against requests, or says of clients that flood it.</param>
/// <param name="late">Told the id of each connection whose head is late. Any thread.</param>
internal sealed class KestrelLogs(ILoggerFactory logs, Action<string> late) : ILoggerFactory
{
    private const string BadRequests = "Microsoft.AspNetCore.Server.Kestrel.BadRequests";

    public ILogger CreateLogger(string categoryName) => categoryName == BadRequests ? new Complaints(late) : new WithoutFloods(logs.CreateLogger(categoryName));

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

    /// <summary>
    /// Of a connection on which streams are reset without end, Kestrel tells as of a catastrophe: a dozen times when it ends it, and once more when it finds that it
    /// forgot it. And where the rest of a body was given up in the middle, it finds an error that is none when it would read on itself. Whoever likes could fill the disk.
    /// </summary>
    private sealed class WithoutFloods(ILogger logger) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => logger.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => logger.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name is not ("Http2QueueOperationsExceeded" or "ApplicationNeverCompleted" or "RequestBodyDrainBodyReaderInvalidState"))
            {
                logger.Log(logLevel, eventId, state, exception, formatter);
            }
        }
    }
}
