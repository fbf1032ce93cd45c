using System.Net.Sockets;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay;

/// <summary>
/// One way to carry connections from accept to end. There is one of each kind in the daemon, shared by all listeners
/// that use it; disposed last, when none of its carriers has a connection left.
/// </summary>
internal interface IEngine : IAsyncDisposable
{
    /// <summary>As status shows it.</summary>
    string Name { get; }

    /// <summary>Makes everything ready that may fail, and changes nothing that anybody can see: part of the first phase of a reload.</summary>
    /// <param name="gate">The listener. Its <see cref="Gate.Rules"/> are still the old ones (or null for a new listener).</param>
    /// <param name="rules">What will be in force.</param>
    /// <param name="current">What carries this listener's connections now, if an engine of this kind does; an engine that reads the rules afresh for each connection returns it.</param>
    ValueTask<Opening> OpenAsync(Gate gate, ListenerRules rules, ICarrier? current, CancellationToken cancellationToken);
}

/// <summary>A carrier, or the sentence that tells an administrator why there is none.</summary>
internal readonly record struct Opening(ICarrier? Carrier, string? Error)
{
    public static Opening Of(ICarrier carrier) => new(carrier, null);

    public static Opening Failed(string error) => new(null, error);
}

/// <summary>The connections of one listener in one engine. Thread-safe; no method blocks.</summary>
internal interface ICarrier
{
    /// <summary>
    /// Begins to accept on a socket that is bound and listening. It stays the caller's: an engine that has its own
    /// event loop works on a duplicate of the descriptor, because the caller may close his as soon as
    /// <see cref="StopAccepting"/> has returned. Options for dead peers and TCP_NODELAY are set on the listening socket,
    /// from which accepted ones inherit them on Linux.
    /// </summary>
    void Accept(Socket listening);

    /// <summary>Accepts no more on a socket that was given to <see cref="Accept"/>. Connections go on.</summary>
    void StopAccepting(Socket listening);

    /// <summary>
    /// Some backend was declared down or left the configuration: end each connection that closes on down and whose
    /// backend <see cref="Gate.IsDown"/>, with <see cref="ConnectionEnd.BackendDown"/>. Called under the pool table's
    /// lock: hand the work over to a loop or the thread pool. A connection that has just been established must ask
    /// <see cref="Gate.IsDown"/> itself, once, after it can be found by this walk.
    /// </summary>
    void CloseDown();

    /// <summary>
    /// Accepts no more and lets what is open finish; ends the rest with <see cref="ConnectionEnd.Stopped"/> at
    /// <paramref name="now"/>. Completes when no connection is left, each reported to its gate. Never throws.
    /// </summary>
    Task DrainAsync(CancellationToken now);
}
