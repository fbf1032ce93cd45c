using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Forwarding.Holding;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Listeners;

/// <summary>
/// What all engines ask and tell of one listener: who may come in, who waits, what became of each connection. Lives as
/// long as the listener's name stays in the configuration. Thread-safe; nothing here blocks, and nothing allocates for
/// a connection that is admitted, picked for and ended without a limit in its way.
/// </summary>
internal sealed class Gate : IDisposable
{
    private readonly ForwardingMeter _meter;
    private readonly ILogger _logger;
    private readonly Dictionary<ClientAddress, int> _clients = [];
    private volatile ListenerRules _rules;
    private long _accepted;
    private long _refused;
    private long _refusedTold;
    private int _active;
    private int _inKernel;
    private int _acceptFailures;
    private volatile SocketError _acceptError;

    public Gate(ListenerSettings settings, PoolTable pools, TimeProvider time, ForwardingMeter meter, ILogger logger)
    {
        (Pools, Time, _meter, _logger) = (pools, time, meter, logger);
        Name = settings.Name;
        Room = new(pools, time, settings.HoldLimit, settings.HoldRelease, (outcome, stay) => meter.Held(Name, outcome, stay));
        _rules = new(this, settings);
    }

    public string Name { get; }

    public PoolTable Pools { get; }

    /// <summary>The clock of every timestamp that is given to the gate or its room.</summary>
    public TimeProvider Time { get; }

    /// <summary>Where connections or requests wait.</summary>
    public WaitingRoom Room { get; }

    /// <summary>What newcomers are admitted under.</summary>
    public ListenerRules Rules => _rules;

    /// <summary>Connections that are in, those that the kernel carries included.</summary>
    public int Active => Volatile.Read(ref _active) + InKernel;

    /// <summary>Connections that the kernel carries past this process, as last seen.</summary>
    public int InKernel => Volatile.Read(ref _inKernel);

    /// <summary>Connections that came in, ever.</summary>
    public long Accepted => Volatile.Read(ref _accepted);

    /// <summary>Connections that a limit turned away, ever.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Puts rules in force for newcomers, and shows the listener in the metrics.</summary>
    public void Configure(ListenerRules rules)
    {
        _rules = rules;
        _meter.Watch(this);
        Room.Configure(rules.Settings.HoldLimit, rules.Settings.HoldRelease);
    }

    /// <summary>Counts a connection in.</summary>
    /// <returns>
    /// The rules it is under from now on; whoever got them calls <see cref="Ended"/> once. Null: a limit is reached, the
    /// refusal is already counted, and there is nothing to do but close the socket.
    /// </returns>
    public ListenerRules? Admit(ClientAddress client)
    {
        var rules = _rules;
        return Admit(rules, client) ? rules : null;
    }

    /// <summary>As <see cref="Admit(ClientAddress)"/>, under rules that were just read.</summary>
    /// <param name="client">Null: a proxy, which will say for whom it comes. It has a place in the listener from now on; <see cref="Identify"/> follows.</param>
    public bool Admit(ListenerRules rules, ClientAddress? client)
    {
        if (Interlocked.Increment(ref _active) + InKernel > rules.Settings.MaxConnections)
        {
            return Refuse(ConnectionEnd.ListenerFull);
        }

        if (client is { } known && !Identify(rules, known))
        {
            return Refuse(ConnectionEnd.ClientFull);
        }

        Interlocked.Increment(ref _accepted);
        return true;
    }

    /// <summary>A proxy has said for whom it comes.</summary>
    /// <returns>False if that client has as many connections as it may: this one ends with <see cref="ConnectionEnd.ClientFull"/>, and no client.</returns>
    public bool Identify(ListenerRules rules, ClientAddress client) =>
        rules.Settings.MaxConnectionsPerClient == 0 || EnterClient(client, rules.Settings.MaxConnectionsPerClient);

    /// <summary>Counts a connection in that another process admitted: no limit turns it away now.</summary>
    /// <param name="client">Null: a proxy that has not said yet for whom it comes.</param>
    /// <returns>The rules that it goes on under; whoever gets them reports its end.</returns>
    public ListenerRules Readmit(ClientAddress? client)
    {
        var rules = _rules;
        Interlocked.Increment(ref _active);
        if (rules.Settings.MaxConnectionsPerClient > 0 && client is { } known)
        {
            EnterClient(known, int.MaxValue);
        }

        return rules;
    }

    /// <summary>A backend for a new connection from the newest snapshot; null if nobody can serve. See <see cref="Attempts"/> for more than one try.</summary>
    public Backend? Pick(PoolId pool, ClientAddress client) => Pools.Current.Pools.TryGetValue(pool, out var current) ? current.Pick(client) : null;

    /// <summary>Whether connections under these rules end when their backend is declared down. Ask once, when the connection is established.</summary>
    public bool ClosesOnDown(ListenerRules rules, PoolId pool) =>
        rules.Settings.CloseOnDown
        ?? (Pools.Current.Pools.TryGetValue(pool, out var current) && current.Definition.Policy == PoolPolicy.ActiveStandby);

    /// <summary>Whether a backend was declared down, even if only for a moment, or left the configuration since it was picked.</summary>
    /// <param name="picked">As the pick returned it; or as it stood when its connection came from another process, which may be before anything is known of it.</param>
    public bool IsDown(Backend picked) =>
        !Pools.Current.Backends.TryGetValue(picked.Id, out var now)
        || now.HealthySince != picked.HealthySince
        || !(now.Status.Healthy || (now.Status.State == BackendState.Unknown && picked.Status.State == BackendState.Unknown));

    /// <summary>Tells of one attempt to reach a backend.</summary>
    /// <param name="start">When it began: a timestamp of <see cref="Time"/>.</param>
    public void Dialled(PoolId pool, DialOutcome outcome, long start) => _meter.Dialled(pool, outcome, Time.GetElapsedTime(start));

    /// <summary>Tells of bytes that went through: at the latest before <see cref="Ended"/>, and now and then before, so that long connections are seen to move.</summary>
    public void Relayed(long toBackend, long toClient) => _meter.Relayed(Name, toBackend, toClient);

    /// <summary>Counts a connection out: its log line and metrics. Exactly once for each that was admitted, after its sockets are closed.</summary>
    public void Ended(ListenerRules rules, in EndedConnection ended)
    {
        if (rules.Settings.MaxConnectionsPerClient > 0 && ended.Client is { } client)
        {
            LeaveClient(client);
        }

        Interlocked.Decrement(ref _active);
        _meter.Ended(Name, ended.End);
        if (ended.End is ConnectionEnd.HoldFull or ConnectionEnd.ClientFull)
        {
            Interlocked.Increment(ref _refused);
            return;
        }

        Log.ConnectionEnded(
            _logger, Name, ended.EndPoint, ended.Backend, ended.ToBackend, ended.ToClient, Time.GetElapsedTime(ended.Start).TotalSeconds, ended.End.ToName());
    }

    /// <summary>Tells of connections that the kernel carries past this process. How one of them ended is known only if we ended it.</summary>
    /// <param name="open">How many are open now.</param>
    /// <param name="came">How many came in since the last call.</param>
    public void SeeKernel(int open, long came)
    {
        Volatile.Write(ref _inKernel, open);
        Interlocked.Add(ref _accepted, came);
    }

    /// <summary>Counts connections that the kernel carried or turned away, and that never came through this process.</summary>
    public void EndedInKernel(ConnectionEnd end, long count)
    {
        _meter.Ended(Name, end, count);
        if (end is ConnectionEnd.ListenerFull or ConnectionEnd.ClientFull)
        {
            Interlocked.Add(ref _refused, count);
        }
    }

    /// <summary>Accepting failed, and the engine pauses a moment before it goes on: out of descriptors or memory.</summary>
    public void AcceptFailed(SocketError error)
    {
        _acceptError = error;
        Interlocked.Increment(ref _acceptFailures);
    }

    /// <summary>A newcomer got one of the last descriptors (<see cref="Descriptors"/>) and was closed; the engine pauses a moment.</summary>
    public void OutOfDescriptors()
    {
        AcceptFailed(SocketError.TooManyOpenSockets);
        Interlocked.Increment(ref _refused);
        Interlocked.Increment(ref _refusedTold);
        _meter.Ended(Name, ConnectionEnd.ListenerFull);
    }

    /// <summary>Writes one line if connections were refused or accepting failed since the last call. Called about once a second: a flood must not fill the disk.</summary>
    public void TellRefusals()
    {
        if (Interlocked.Exchange(ref _acceptFailures, 0) is > 0 and var failures)
        {
            Log.AcceptFailed(_logger, Name, failures, _acceptError);
        }

        if (Refused - Volatile.Read(ref _refusedTold) is > 0 and var refused)
        {
            Log.Refused(_logger, Name, refused, Active, Room.Count);
            Interlocked.Add(ref _refusedTold, refused);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _meter.Forget(this);
        Room.Dispose();
    }

    private bool Refuse(ConnectionEnd end)
    {
        Interlocked.Decrement(ref _active);
        Interlocked.Increment(ref _refused);
        _meter.Ended(Name, end);
        return false;
    }

    private bool EnterClient(ClientAddress client, int limit)
    {
        lock (_clients)
        {
            ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(_clients, client, out _);
            if (count >= limit)
            {
                return false;
            }

            count++;
            return true;
        }
    }

    private void LeaveClient(ClientAddress client)
    {
        lock (_clients)
        {
            ref var count = ref CollectionsMarshal.GetValueRefOrNullRef(_clients, client);
            if (--count == 0)
            {
                _clients.Remove(client);
            }
        }
    }
}
