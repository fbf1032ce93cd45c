using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding;

/// <summary>All listeners of the daemon: changes them as a whole, stops them, tells how they are. Thread-safe.</summary>
/// <param name="pools">Where backends are picked from.</param>
/// <param name="loops">Where the loops show that they live.</param>
/// <param name="time">The clock of every timeout.</param>
/// <param name="logs">Where ends of connections are written.</param>
/// <param name="passed">Sockets from the service manager, for <c>fd:NAME</c>; by default those of this process.</param>
public sealed class Forwarder(PoolTable pools, LoopRegistry loops, TimeProvider time, ILoggerFactory logs, PassedSockets? passed = null)
    : IAsyncDisposable
{
    /// <summary>The listeners in force, in the order of the configuration.</summary>
    public IReadOnlyList<ListenerStatus> Statuses => throw new NotSupportedException();

    /// <summary>
    /// First phase of a start or reload: binds every address that is new and opens what the listeners need. What does
    /// not change is not touched: a listener with the same settings, the socket of an address that stays (in this or in
    /// another listener), a connection that is open.
    /// </summary>
    /// <param name="listeners">All of them, as they are to be. No address occurs twice.</param>
    /// <param name="cancellationToken">Abandons the change.</param>
    public Task<ListenerChange> PrepareAsync(IReadOnlyList<ListenerSettings> listeners, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException($"{pools} {loops} {time} {logs} {passed} {listeners} {cancellationToken}");

    /// <summary>
    /// Stops accepting and lets connections finish, each listener's for as long as its <see cref="ListenerSettings.Drain"/>
    /// says; the rest is ended then, or when <paramref name="now"/> is cancelled. Returns when nothing is open.
    /// </summary>
    public Task StopAsync(CancellationToken now) => throw new NotSupportedException($"{now}");

    /// <summary>Ends everything at once.</summary>
    public ValueTask DisposeAsync() => throw new NotSupportedException();
}
