using Sentinel.Forwarding.Relay.Splice;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>Takes whom a loop let in.</summary>
internal interface IArrivalSink
{
    /// <summary>The socket is the sink's now. On the loop's thread: returns at once, never throws.</summary>
    void Take(SocketLoop loop, Arrival arrival);
}
