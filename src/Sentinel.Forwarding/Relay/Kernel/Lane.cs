using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay.Kernel;

/// <summary>
/// What the kernel does for one listener: where it takes connections from, whom it sends them to, which of them may still
/// be open. The engine's loop plans and visits; carriers say from other threads where they accept and when they drain.
/// </summary>
internal sealed class Lane(Gate gate, string name, ILogger logger)
{
    private readonly Lock _lock = new();
    private readonly HashSet<IPEndPoint> _everAt = [];
    private readonly List<LaneTarget> _targets = [];
    private ImmutableDictionary<Socket, IPEndPoint> _at = ImmutableDictionary<Socket, IPEndPoint>.Empty;
    private KernelCarrier? _owner;
    private TaskCompletionSource? _drained;
    private bool _isToStop;
    private EquatableList<NftTarget> _told = [];
    private string? _complaint;
    private LaneCounters _counters;

    /// <summary>The listener has as many connections as it may: newcomers go to user space, whose gate turns them away and counts them.</summary>
    private bool _isFull;

    public Gate Gate => gate;

    /// <summary>Unlike that of any other lane.</summary>
    public string Name => name;

    public IReadOnlyList<LaneTarget> Targets => _targets;

    /// <summary>Whether something in the kernel is to end that the rules alone do not end.</summary>
    public bool WantsVisit => IsDraining || _targets.Any(target => target.IsToCut || target.IsToRedirect);

    public bool IsDraining
    {
        get
        {
            lock (_lock)
            {
                return _drained is not null;
            }
        }
    }

    /// <summary>Whether its connections are to end whatever their backend. As of the last plan, by which it gets no new ones.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>The latest carrier of a listener gets the lane, with the connections that its predecessor left in the kernel.</summary>
    public void Accept(KernelCarrier carrier, Socket listening)
    {
        lock (_lock)
        {
            if (_owner != carrier)
            {
                _owner = carrier;
                _drained?.TrySetResult();
                (_drained, _isToStop) = (null, false);
            }

            _at = _at.SetItem(listening, Plain((IPEndPoint)listening.LocalEndPoint!));
        }
    }

    public void StopAccepting(Socket listening)
    {
        lock (_lock)
        {
            _at = _at.Remove(listening);
        }
    }

    /// <summary>Takes no more; completes when nothing is open, or the lane has another owner.</summary>
    public Task DrainAsync(KernelCarrier carrier)
    {
        lock (_lock)
        {
            _owner ??= carrier;
            if (_owner != carrier)
            {
                return Task.CompletedTask;
            }

            _at = _at.Clear();
            _drained ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            return _drained.Task;
        }
    }

    /// <summary>Ends what is open.</summary>
    public void Stop(KernelCarrier carrier)
    {
        lock (_lock)
        {
            _isToStop |= _owner == carrier;
        }
    }

    /// <summary>What the table is to do now.</summary>
    public NftLane Plan()
    {
        EquatableList<IPEndPoint> at;
        lock (_lock)
        {
            IsStopped = _isToStop;
            at = [.. _at.Values.Distinct().OrderBy(end => end.ToString(), StringComparer.Ordinal)];
        }

        var rules = gate.Rules;
        _everAt.UnionWith(at);
        var max = rules.Settings.MaxConnections;
        _isFull = gate.Active >= (_isFull ? max - (max / 20) : max);
        var targets = at.Count == 0 || _isFull ? [] : Aim(rules, at);
        foreach (var target in _targets)
        {
            var isCurrent = targets.Any(current => current.EndPoint.Equals(target.EndPoint));
            target.IsToRedirect |= target.IsCurrent && !isCurrent;
            target.IsToCut |= target.ClosesOnDown && gate.IsDown(target.Picked);
            target.IsCurrent = isCurrent;
        }

        Tell(targets);
        return new()
        {
            Listener = Name,
            At = at,
            Targets = targets,
            EverAt = [.. _everAt.OrderBy(end => end.ToString(), StringComparer.Ordinal)],
            EverTo = [.. _targets.Select(target => target.EndPoint).OrderBy(end => end.ToString(), StringComparer.Ordinal)],
            MaxConnectionsPerClient = rules.Settings.MaxConnectionsPerClient,
        };
    }

    /// <summary>Whether a connection that went there came through this lane.</summary>
    public bool Took(IPEndPoint to) =>
        _everAt.Contains(to) || _everAt.Contains(new(to.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, to.Port));

    /// <summary>A visit is over: says what it saw and ended, and forgets backends that nothing is open to.</summary>
    public void Settle()
    {
        foreach (var target in _targets)
        {
            if (target.Cut > 0)
            {
                var end = IsStopped ? ConnectionEnd.Stopped : ConnectionEnd.BackendDown;
                gate.EndedInKernel(end, target.Cut);
                Log.FlowsEnded(logger, gate.Name, target.Cut, target.Picked.Id, end.ToName());
            }

            target.Settle();
        }

        _targets.RemoveAll(target => !target.IsCurrent && target.Open == 0);
        gate.SeeKernel(_targets.Sum(target => target.Open), came: 0);
    }

    /// <summary>Says what went through since the last time.</summary>
    public void Tell(LaneCounters now)
    {
        var news = now - _counters;
        _counters = now;
        gate.SeeKernel(gate.InKernel, news.New);
        gate.Relayed(news.ToBackend, news.ToClient);
        if (news.Refused > 0)
        {
            gate.EndedInKernel(ConnectionEnd.ClientFull, news.Refused);
        }
    }

    /// <summary>The counters begin at zero again.</summary>
    public void ForgetCounters() => _counters = default;

    /// <summary>Completes the drain if it is one and may complete.</summary>
    /// <param name="isClean">The table sends nothing new through this lane, and a visit has come after that.</param>
    /// <returns>Whether the lane is over.</returns>
    public bool TryEnd(bool isClean)
    {
        lock (_lock)
        {
            if (_drained is null || !(IsStopped || (isClean && _targets.Count == 0)))
            {
                return false;
            }

            foreach (var target in _targets)
            {
                target.Count(0);
            }

            _targets.Clear();
            gate.SeeKernel(open: 0, came: 0);
            _drained.TrySetResult();
            return true;
        }
    }

    private EquatableList<NftTarget> Aim(ListenerRules rules, EquatableList<IPEndPoint> at)
    {
        var aims = new List<(Backend Backend, IPEndPoint EndPoint)>();
        var pool = gate.Pools.Current.Pools.GetValueOrDefault(rules.Destination.Pool);
        var complaint = KernelLimits.Refusal(rules.Settings) ?? (pool is null ? null : KernelLimits.Refusal(pool.Definition));
        foreach (var backend in pool?.Active ?? [])
        {
            var unfit = KernelLimits.Refusal(backend.Id, backend.Address, out var address);
            complaint ??= unfit ?? (at.Any(end => end.AddressFamily == address.AddressFamily) ? null : $"backend {backend.Id} ({address}) has no address of the family that clients come by");
            aims.Add((backend, new(address, rules.Destination.Port)));
        }

        // Nobody serves: that is what user space is for, and no reason to complain.
        Complain(aims.Count == 0 ? _complaint : complaint);
        if (complaint is not null)
        {
            return [];
        }

        foreach (var (backend, endPoint) in aims)
        {
            Keep(backend, endPoint).ClosesOnDown = gate.ClosesOnDown(rules, rules.Destination.Pool);
        }

        return [.. aims.Select(aim => new NftTarget(aim.EndPoint, Math.Max(1, aim.Backend.Definition.Weight)))];
    }

    private LaneTarget Keep(Backend backend, IPEndPoint endPoint)
    {
        var target = _targets.Find(known => known.EndPoint.Equals(endPoint));
        if (target is null)
        {
            _targets.Add(target = new(endPoint, backend));
        }
        else if (gate.IsDown(target.Picked))
        {
            // Down and up again between two plans: what it had then is gone, or as good as gone.
            target.IsToCut |= target.ClosesOnDown;
            target.StartAfresh(backend);
        }

        return target;
    }

    private void Complain(string? complaint)
    {
        if (complaint is not null && complaint != _complaint)
        {
            Log.Unfit(logger, gate.Name, complaint);
        }

        _complaint = complaint;
    }

    private void Tell(EquatableList<NftTarget> targets)
    {
        if (!targets.Equals(_told))
        {
            Log.Diverted(logger, gate.Name, targets.Count == 0 ? "user space" : string.Join(", ", targets.Select(target => target.EndPoint)));
            _told = targets;
        }
    }

    private static IPEndPoint Plain(IPEndPoint end) => end.Address.IsIPv4MappedToIPv6 ? new(end.Address.MapToIPv4(), end.Port) : end;
}
