using System.Net;
using Sentinel.Backends;
using Sentinel.Forwarding.Holding;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay.Splice;

// How a connection comes to be: dialled, held, established.
internal sealed unsafe partial class SpliceLoop
{
    // by then, keepalive is set on the upstream socket: five calls that a short connection never pays
    private static readonly TimeSpan KeepAliveAfter = TimeSpan.FromSeconds(5);

    private const uint WatchUpstream =
        EpollEvents.In | EpollEvents.Out | EpollEvents.ReadHangUp | EpollEvents.Priority | EpollEvents.EdgeTriggered;

    // without Out, which is true at once and would be an event for nothing; added when a write first finds it full
    private const uint WatchClient = EpollEvents.In | EpollEvents.ReadHangUp | EpollEvents.Priority | EpollEvents.EdgeTriggered;

    // addresses as the pool table has them, parsed once
    private const int MostAddresses = 4096;

    private readonly Dictionary<string, SocketName> _addresses = [];

    /// <summary>Called through <see cref="SpliceWaiter.Released"/>.</summary>
    public void Released(SpliceWaiter waiter, Backend backend)
    {
        if (!IsHeldAs(waiter))
        {
            return;
        }

        ref var slot = ref _slots[waiter.Index];
        slot.Waiter = null;
        slot.Attempts.StartAfresh();

        // while this message was on its way, the walk over the connections to a backend that went down did not see it
        if (slot.Rules.Gate.IsDown(backend))
        {
            Guarded(waiter.Index, &DialNext);
            return;
        }

        slot.Backend = backend;
        Guarded(waiter.Index, &Dial);
    }

    /// <summary>Called through <see cref="SpliceWaiter.Expired"/>.</summary>
    public void Expired(SpliceWaiter waiter)
    {
        if (IsHeldAs(waiter))
        {
            LetGo(waiter.Index, ConnectionEnd.NoBackend);
        }
    }

    // a waiter is left behind when its connection ends, so the object alone tells whose it is
    private bool IsHeldAs(SpliceWaiter waiter) => ReferenceEquals(_slots[waiter.Index].Waiter, waiter);

    private static void DialNext(SpliceLoop loop, int index)
    {
        ref var slot = ref loop._slots[index];
        var rules = slot.Rules;
        slot.Backend = slot.Attempts.Next(rules.Gate, slot.Destination.Pool, slot.Client.ClientAddress);
        if (slot.Backend is null)
        {
            loop.Hold(index);
        }
        else
        {
            Dial(loop, index);
        }
    }

    private static void Dial(SpliceLoop loop, int index)
    {
        ref var slot = ref loop._slots[index];
        slot.Dialled = loop._time.GetTimestamp();
        slot.Backend!.Load.Enter();
        loop.ArmFor(index, slot.Rules.Settings.ConnectTimeout);
        if (loop.TryName(slot.Backend.Address!, out var name))
        {
            loop.Connect(index, name);
        }
        else
        {
            loop.Resolve(index, slot.Backend.Address!);
        }
    }

    private bool TryName(string address, out SocketName name)
    {
        if (_addresses.TryGetValue(address, out name))
        {
            return true;
        }

        if (!IPAddress.TryParse(address, out var parsed))
        {
            return false;
        }

        if (_addresses.Count >= MostAddresses)
        {
            _addresses.Clear();
        }

        _addresses[address] = name = new(parsed, 0);
        return true;
    }

    private void Resolve(int index, string host)
    {
        ref var slot = ref _slots[index];
        slot.State = SlotState.Resolving;
        var (generation, dialled) = (slot.Generation, slot.Dialled);
        HostLookup.Begin(host, found => Post(() => Resolved(index, generation, dialled, found)));
    }

    private void Resolved(int index, uint generation, long dialled, SocketName[] names)
    {
        // it may be about another dial by now
        if (!Find(index, generation) || _slots[index].State != SlotState.Resolving || _slots[index].Dialled != dialled)
        {
            return;
        }

        if (names.Length == 0)
        {
            DialFailed(index, DialOutcome.Unresolved);
            return;
        }

        _slots[index].MoreNames = names.Length > 1 ? new(names.Skip(1)) : null;
        Connect(index, names[0]);
    }

    private void Connect(int index, SocketName name)
    {
        ref var slot = ref _slots[index];
        var address = stackalloc byte[SocketName.MaxLength];
        var length = name.WithPort(slot.Destination.Port).Write(address);
        var socket = Libc.Socket(*(ushort*)address, Libc.SockStream | Libc.NonBlock | Libc.CloseOnExec, 0);
        if (socket < 0 || Descriptors.IsLastForBackends(socket))
        {
            _ = Libc.Close(socket);
            _pump.Pipes.Trim();
            DialFailed(index, DialOutcome.Exhausted);
            return;
        }

        SocketOptions.SetNoDelay(socket);
        slot.State = SlotState.Dialling;
        slot.UpstreamSocket = socket;
        slot.UpstreamReady = Readiness.None;
        if (slot.Rules.Settings.Transparent
            && TransparentSource.Take(socket, slot.Client.ToEndPoint().Address, name.ToEndPoint().Address) is var outcome and not DialOutcome.Connected)
        {
            Refused(index, outcome);
            return;
        }

        if (slot.Route is not null || HasSpoken(slot.ClientSocket))
        {
            // what it said goes out as soon as the backend is there, and carries the handshake's last acknowledgement:
            // a packet less for each connection
            SocketOptions.DelayAcknowledgement(socket);
        }

        if (Libc.Connect(socket, address, length) != 0 && *_errno != Errno.InProgress)
        {
            Refused(index, Errno.ToDialOutcome(*_errno));
            return;
        }

        if (!EpollEvents.Control(_epoll, Libc.EpollCtlAdd, socket, WatchUpstream, Tag(index, slot.Generation, isUpstream: true)))
        {
            DialFailed(index, DialOutcome.Exhausted);
        }
    }

    private static bool HasSpoken(int client)
    {
        byte first;
        return Libc.Receive(client, &first, 1, Libc.MsgPeek) > 0;
    }

    /// <summary>One address of a backend did not take the connection; it may have more, all within the one timeout.</summary>
    private void Refused(int index, DialOutcome outcome)
    {
        ref var slot = ref _slots[index];
        if (slot.MoreNames is { Count: > 0 } more)
        {
            CloseUpstream(ref slot);
            Connect(index, more.Dequeue());
        }
        else
        {
            DialFailed(index, outcome);
        }
    }

    private void DialFailed(int index, DialOutcome outcome)
    {
        ref var slot = ref _slots[index];
        var rules = slot.Rules;
        var backend = slot.Backend!;
        CloseUpstream(ref slot);
        backend.Load.Exit();
        rules.Gate.Dialled(slot.Destination.Pool, outcome, slot.Dialled);
        slot.Attempts.Failed(rules.Gate, backend, outcome);
        slot.Backend = null;
        slot.MoreNames = null;
        DialNext(this, index);
    }

    private void Hold(int index)
    {
        ref var slot = ref _slots[index];
        var rules = slot.Rules;
        _wheel.Disarm(index);
        slot.State = SlotState.Held;

        // told of a client that leaves, and no earlier event is lost: registering reports what is already so
        if (!WatchForClient(index, WatchClient))
        {
            End(index, ConnectionEnd.Failed);
            return;
        }

        // it may have left while a backend was dialled, and no second event tells of it
        if (HasLeft(ref slot))
        {
            End(index, ConnectionEnd.ClientLeft);
            return;
        }

        var waiter = slot.Waiter = new(this, index, slot.Destination.Pool, slot.Client.ClientAddress, slot.Start, rules.Settings.Hold);
        switch (rules.Gate.Room.Enter(waiter, slot.Attempts.Exhausted))
        {
            case Entry.Full:
                LetGo(index, ConnectionEnd.HoldFull);
                break;
            case Entry.TooLate:
                LetGo(index, ConnectionEnd.NoBackend);
                break;
        }
    }

    private void Established(int index)
    {
        ref var slot = ref _slots[index];
        var rules = slot.Rules;
        if (!Announce(ref slot))
        {
            DialFailed(index, DialOutcome.Refused);
            return;
        }

        rules.Gate.Dialled(slot.Destination.Pool, DialOutcome.Connected, slot.Dialled);
        slot.State = SlotState.Open;
        slot.ClosesOnDown = rules.Gate.ClosesOnDown(rules, slot.Destination.Pool);
        slot.LastMoved = _wheel.Now;

        // the backend's socket was registered before it could say anything: an event tells if it has
        slot.UpstreamReady |= Readiness.Writable;
        slot.ClientReady |= Readiness.Readable | Readiness.Writable;

        // the dial's deadline stays armed and becomes the first look at the connection, unless that would be late
        var settings = rules.Settings;
        var look = settings.IdleTimeout > TimeSpan.Zero && settings.IdleTimeout < KeepAliveAfter ? settings.IdleTimeout : KeepAliveAfter;
        if (settings.ConnectTimeout > look)
        {
            ArmFor(index, look);
        }

        // what the client has said is passed on first: registered afterwards, its socket has no event for it
        var generation = slot.Generation;
        GoOn(this, index);
        if (Find(index, generation) && !WatchForClient(index, WatchClient))
        {
            End(index, ConnectionEnd.Failed);
        }
    }

    /// <summary>Registers the client's socket, or widens what is heard of it. False when the system refuses.</summary>
    private bool WatchForClient(int index, uint events)
    {
        ref var slot = ref _slots[index];
        if ((slot.ClientWatch & events) == events)
        {
            return true;
        }

        var operation = slot.ClientWatch == 0 ? Libc.EpollCtlAdd : Libc.EpollCtlModify;
        slot.ClientWatch = events;
        return EpollEvents.Control(_epoll, operation, slot.ClientSocket, events, Tag(index, slot.Generation, isUpstream: false));
    }

    private void ArmFor(int index, TimeSpan time) => _wheel.Arm(index, (long)(time.TotalMilliseconds / TimerWheel.TickMilliseconds) + 1);

    private static ulong Tag(int index, uint generation, bool isUpstream) => ((ulong)generation << 32) | ((uint)index << 1) | (isUpstream ? 1u : 0u);
}
