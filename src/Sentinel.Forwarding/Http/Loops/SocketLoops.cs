using System.Collections.Immutable;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>The loops of an engine: one for two processors, as of the relay, since the kernel and what is spoken to have work to do as well. None where the system has no epoll: .NET waits for sockets there. Thread-safe.</summary>
internal sealed class SocketLoops : IDisposable
{
    private const int Most = 4;
    private const int Slack = 8;

    private readonly SocketLoop[] _loops;

    public SocketLoops(LoopRegistry loops, TimeProvider time, ILogger logger) =>
        _loops = !OperatingSystem.IsLinux() ? []
            : [.. Enumerable.Range(0, Math.Clamp(Environment.ProcessorCount / 2, 1, Most)).Select(i => SocketLoop.Start($"http.loop.{i}", loops, time, logger)).OfType<SocketLoop>()];

    /// <summary>Begins to accept on each loop.</summary>
    public ImmutableArray<IAccepting> Accept(Socket listening, Gate gate, IArrivalSink sink) =>
        [.. _loops.Select(loop => loop.Open(gate, sink, listening))];

    /// <summary>Where to serve a client who came in here: here, unless another loop has noticeably less to do. Clients that stay would burden whoever happened to let them in.</summary>
    public SocketLoop PlaceFor(SocketLoop here)
    {
        var least = here;
        foreach (var loop in _loops)
        {
            least = loop.Guests < least.Guests ? loop : least;
        }

        return here.Guests > least.Guests + Slack ? least : here;
    }

    public void Dispose()
    {
        foreach (var loop in _loops)
        {
            loop.Dispose();
        }
    }
}
