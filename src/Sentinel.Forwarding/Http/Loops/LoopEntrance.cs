using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay.Splice;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>One loop's share in a listening socket, and who gets those that come in by it.</summary>
internal sealed class LoopEntrance(SocketLoop loop, Entrance entrance, IArrivalSink sink) : IAccepting
{
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Entrance Entrance => entrance;

    public IArrivalSink Sink => sink;

    public Task Completion => _over.Task;

    public void Dispose() => loop.Close(this);

    /// <summary>Whoever came in has been passed on.</summary>
    public void IsOver() => _over.TrySetResult();
}
