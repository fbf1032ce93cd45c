using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;
using Sentinel.Forwarding.Relay.Kernel;
using Log = Sentinel.Forwarding.Listeners.Log;

namespace Sentinel.Forwarding;

/// <summary>All listeners of the daemon: changes them as a whole, stops them, tells how they are. Thread-safe.</summary>
public sealed class Forwarder : IAsyncDisposable
{
    private static readonly TimeSpan TellInterval = TimeSpan.FromSeconds(1);

    private readonly PoolTable _pools;
    private readonly TimeProvider _time;
    private readonly PassedSockets _passed;
    private readonly string _name;
    private readonly ILogger _logger;
    private readonly ForwardingMeter _meter = new();
    private readonly Engines _engines;
    private readonly ITimer _tell;
    private readonly IDisposable _subscription;
    private readonly Lock _lock = new();
    private volatile ListenerSet _current = ListenerSet.Empty;
    private ImmutableArray<Departure> _departures = [];
    private PoolTableSnapshot _seen;
    private volatile bool _stopping;

    /// <param name="pools">Where backends are picked from.</param>
    /// <param name="loops">Where the loops show that they live.</param>
    /// <param name="time">The clock of every timeout.</param>
    /// <param name="logs">Where ends of connections are written.</param>
    /// <param name="passed">Sockets from the service manager, for <c>fd:NAME</c>; none unless given.</param>
    /// <param name="outlook">What the outage answer says about durations; nothing unless given.</param>
    /// <param name="certificates">What TLS is terminated with; without it, a listener that terminates TLS cannot be opened.</param>
    /// <param name="name">The sentinel's name: what it puts into the kernel bears it. Two sentinels of one machine need two.</param>
    public Forwarder(
        PoolTable pools, LoopRegistry loops, TimeProvider time, ILoggerFactory logs, PassedSockets? passed = null, IOutageOutlook? outlook = null,
        ICertificates? certificates = null, string name = "sentinel")
    {
        (_pools, _time, _passed, _name) = (pools, time, passed ?? PassedSockets.None, name);
        _logger = logs.CreateLogger("Sentinel.Forwarding.Listeners");
        _engines = new(name, pools, loops, time, logs, outlook ?? new NoOutageOutlook(), certificates);
        _seen = pools.Current;
        _subscription = pools.Subscribe(See);
        _tell = time.CreateTimer(_ => TellRefusals(), null, TellInterval, TellInterval);
    }

    /// <summary>The listeners in force, in the order of the configuration.</summary>
    public IReadOnlyList<ListenerStatus> Statuses => [.. _current.Listeners.Select(listener => listener.Status(bound: !_stopping))];

    /// <summary>
    /// First phase of a start or reload: binds every address that is new and opens what the listeners need. What does
    /// not change is not touched: a listener with the same settings, the socket of an address that stays (in this or in
    /// another listener), a connection that is open.
    /// </summary>
    /// <param name="listeners">All of them, as they are to be. No name and no address occurs twice.</param>
    /// <param name="cancellationToken">Abandons the change.</param>
    /// <returns>A change to commit before the next is prepared; or one with errors, abandoned already.</returns>
    public async Task<ListenerChange> PrepareAsync(IReadOnlyList<ListenerSettings> listeners, CancellationToken cancellationToken = default)
    {
        var change = new PreparedChange(_current, Commit);
        try
        {
            foreach (var settings in listeners)
            {
                change.Bind(settings, _passed);
                await change.OpenAsync(settings, _engines, Open, cancellationToken).ConfigureAwait(false);
            }
        }
        catch
        {
            change.Dispose();
            throw;
        }

        if (change.Errors.Count > 0)
        {
            change.Dispose();
        }

        return change;
    }

    /// <summary>
    /// Clears away what a sentinel of this name left in the kernel when it was killed, unless one of these listeners takes
    /// it over. Once, between the first preparation and its commit.
    /// </summary>
    /// <param name="listeners">As they are to be.</param>
    public async Task ClearAwayAsync(IReadOnlyList<ListenerSettings> listeners, CancellationToken cancellationToken)
    {
        if (!listeners.Any(listener => listener.Engine == RelayEngine.Kernel)
            && await KernelEngine.RemoveLeftoverAsync(_name, _time, cancellationToken).ConfigureAwait(false) is { } why)
        {
            Log.LeftoverStays(_logger, why);
        }
    }

    /// <summary>
    /// Stops accepting and lets connections finish, each listener's for as long as its <see cref="ListenerSettings.Drain"/>
    /// says; the rest is ended then, or when <paramref name="now"/> is cancelled. Returns when nothing is open.
    /// </summary>
    public async Task StopAsync(CancellationToken now)
    {
        ImmutableArray<Departure> departures;
        lock (_lock)
        {
            if (!_stopping)
            {
                _stopping = true;
                foreach (var bound in _current.Bound.Values)
                {
                    bound.Close();
                }

                foreach (var departure in _departures)
                {
                    departure.Limit();
                }

                foreach (var listener in _current.Listeners)
                {
                    Depart(listener, isGone: true);
                }
            }

            departures = _departures;
        }

        await using (now.UnsafeRegister(_ => EndAll(), null).ConfigureAwait(false))
        {
            await Task.WhenAll(departures.Select(departure => departure.Completion)).ConfigureAwait(false);
        }
    }

    /// <summary>Ends everything at once.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
        _subscription.Dispose();
        await _tell.DisposeAsync().ConfigureAwait(false);
        await _engines.DisposeAsync().ConfigureAwait(false);
        foreach (var listener in _current.Listeners)
        {
            listener.Gate.Dispose();
        }

        _meter.Dispose();
    }

    private Gate Open(ListenerSettings settings) => new(settings, _pools, _time, _meter, _logger);

    private void Commit(PreparedChange change)
    {
        lock (_lock)
        {
            if (_stopping)
            {
                change.Abandon();
                return;
            }

            if (_current != change.From)
            {
                throw new InvalidOperationException("Another change was committed since this one was prepared.");
            }

            var next = change.To;
            foreach (var rules in change.Rules)
            {
                rules.Gate.Configure(rules);
            }

            // First what goes, then what comes: an address that moves is free when its next listener takes it.
            foreach (var (address, bound) in _current.Bound)
            {
                if (!next.Bound.ContainsKey(address))
                {
                    bound.Close();
                }
            }

            _current = next;
            foreach (var listener in next.Listeners)
            {
                foreach (var address in listener.Settings.Bind)
                {
                    next.Bound[address].Give(listener.Carrier);
                }
            }

            foreach (var before in change.From.Listeners)
            {
                var after = next.Find(before.Settings.Name);
                if (after?.Carrier != before.Carrier)
                {
                    Depart(before, isGone: after is null);
                }
            }

            if (change.Rules.Count > 0 && Descriptors.Needed(next.Listeners.Select(listener => listener.Settings)) is var needed && needed > Descriptors.Limit)
            {
                Log.DescriptorsShort(_logger, needed, Descriptors.Limit);
            }

            foreach (var rules in change.Rules)
            {
                Log.Listening(_logger, rules.Settings.Name, string.Join(", ", rules.Settings.Bind), next.Find(rules.Settings.Name)!.Engine.Name);
            }
        }
    }

    private void Depart(Listener listener, bool isGone)
    {
        var departure = new Departure(listener, _time);
        if (isGone)
        {
            departure.Limit();
        }

        _departures = _departures.Add(departure);
        _ = ForgetAsync(departure);
    }

    private async Task ForgetAsync(Departure departure)
    {
        await departure.Completion.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var gate = departure.Listener.Gate;
        lock (_lock)
        {
            _departures = _departures.Remove(departure);
            departure.Dispose();
            if (!_current.Listeners.Any(listener => listener.Gate == gate) && !_departures.Any(other => other.Listener.Gate == gate))
            {
                gate.Dispose();
                Log.Gone(_logger, gate.Name);
            }
        }
    }

    private void EndAll()
    {
        lock (_lock)
        {
            foreach (var departure in _departures)
            {
                departure.End();
            }
        }
    }

    /// <summary>Has connections to a backend closed that was declared down. Under the pool table's lock, and so never under ours.</summary>
    private void See(PoolTableSnapshot snapshot)
    {
        var before = _seen;
        _seen = snapshot;
        if (!AnyWentDown(before, snapshot))
        {
            return;
        }

        foreach (var listener in _current.Listeners)
        {
            listener.Carrier.CloseDown();
        }

        foreach (var departure in _departures)
        {
            departure.Carrier.CloseDown();
        }
    }

    private static bool AnyWentDown(PoolTableSnapshot before, PoolTableSnapshot after)
    {
        foreach (var (id, was) in before.Backends)
        {
            if (was.Status.Healthy && !(after.Backends.TryGetValue(id, out var now) && now.Status.Healthy))
            {
                return true;
            }
        }

        return false;
    }

    private void TellRefusals()
    {
        foreach (var listener in _current.Listeners)
        {
            listener.Gate.TellRefusals();
        }
    }
}
