using Microsoft.Extensions.Logging;
using Sentinel.Backends.Progress;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>The loops of an engine: as many as there are processors. None where the system has no epoll: .NET waits for sockets there. Thread-safe.</summary>
internal sealed class SocketLoops : IDisposable
{
    private const int Most = 8;

    private readonly SocketLoop[] _loops;
    private int _next;

    public SocketLoops(LoopRegistry loops, ILogger logger) =>
        _loops = !OperatingSystem.IsLinux() ? []
            : [.. Enumerable.Range(0, Math.Min(Environment.ProcessorCount, Most)).Select(i => SocketLoop.Start($"http.loop.{i}", loops, logger)).OfType<SocketLoop>()];

    /// <summary>The loop for the next connection, in turn; null if there is none.</summary>
    public SocketLoop? Next() => _loops.Length == 0 ? null : _loops[(int)((uint)Interlocked.Increment(ref _next) % (uint)_loops.Length)];

    public void Dispose()
    {
        foreach (var loop in _loops)
        {
            loop.Dispose();
        }
    }
}
