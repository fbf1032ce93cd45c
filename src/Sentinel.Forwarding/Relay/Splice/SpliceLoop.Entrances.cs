using System.Net.Sockets;

namespace Sentinel.Forwarding.Relay.Splice;

// What carriers ask of a loop, and what comes in at the door.
internal sealed unsafe partial class SpliceLoop
{
    // more wait in the backlog and get their turn after those who are in
    private const int AcceptsPerTurn = 64;

    private const int PauseTicks = 100 / TimerWheel.TickMilliseconds;
    private const int TellTicks = 1000 / TimerWheel.TickMilliseconds;

    private readonly Dictionary<int, Entrance> _entrances = [];
    private readonly List<CarrierShare> _shares = [];
    private int _lastTag;
    private bool _hasPaused;
    private long _reopenAt;
    private long _tellAt;

    /// <summary>A carrier has come. Any thread, as all of these.</summary>
    public void Join(CarrierShare share) => Post(() => _shares.Add(share));

    /// <summary>Begins to accept. The descriptor is the loop's.</summary>
    public void OpenEntrance(CarrierShare share, Socket listening, int descriptor) => Post(() =>
    {
        if (descriptor < 0)
        {
            share.Gate.AcceptFailed(SocketError.TooManyOpenSockets);
            return;
        }

        var entrance = new Entrance(share, listening, descriptor, ++_lastTag);
        share.Entrances.Add(entrance);
        _entrances.Add(entrance.Tag, entrance);
        Register(entrance);
    });

    /// <summary>Accepts no more on what was opened for this socket.</summary>
    public void CloseEntrance(CarrierShare share, Socket listening) => Post(() => Close(share, entrance => entrance.Listening == listening));

    /// <summary>The carrier drains: accepts no more here, and counts this loop out.</summary>
    public void Leave(CarrierShare share) => Post(() =>
    {
        Close(share, _ => true);
        share.HasLeft = true;
        share.Carrier.Exit();
    });

    /// <summary>Ends what goes to a backend that is down.</summary>
    public void CloseDown(CarrierShare share) => Post(() =>
    {
        for (var index = 0; index < _slots.Length; index++)
        {
            ref var slot = ref _slots[index];
            if (slot.Share != share || slot.Backend is null || !share.Gate.IsDown(slot.Backend))
            {
                continue;
            }

            if (slot.State != SlotState.Open)
            {
                DialFailed(index, DialOutcome.Unreachable);
            }
            else if (share.Gate.ClosesOnDown(slot.Rules, slot.Rules.Destination.Pool))
            {
                End(index, ConnectionEnd.BackendDown);
            }
        }
    });

    /// <summary>Ends everything of a carrier.</summary>
    public void EndAll(CarrierShare share) => Post(() =>
    {
        for (var index = 0; index < _slots.Length; index++)
        {
            if (_slots[index].Share == share)
            {
                End(index, ConnectionEnd.Stopped);
            }
        }
    });

    private void Accept(int tag)
    {
        if (!_entrances.TryGetValue(tag, out var entrance))
        {
            return;
        }

        var address = stackalloc byte[SocketName.MaxLength];
        for (var i = 0; i < AcceptsPerTurn; i++)
        {
            var length = SocketName.MaxLength;
            var socket = Libc.Accept(entrance.Descriptor, address, &length, Libc.NonBlock | Libc.CloseOnExec);
            if (socket >= 0)
            {
                Admit(entrance.Share, socket, new(address));
                continue;
            }

            var error = *_errno;
            if (error == Errno.Again)
            {
                return;
            }

            // a client that gave up in the backlog makes room for the next; anything else is no better at once
            if (error != Errno.ConnectionAborted)
            {
                _pump.Pipes.Trim();
                Pause(entrance, error);
                return;
            }
        }
    }

    private void Admit(CarrierShare share, int socket, SocketName client)
    {
        if (share.Gate.Admit(client.ClientAddress) is not { } rules)
        {
            _ = Libc.Close(socket);
            return;
        }

        var index = _slots.Take();
        ref var slot = ref _slots[index];
        slot.Share = share;
        slot.Rules = rules;
        slot.Client = client;
        slot.ClientSocket = socket;
        slot.Start = _time.GetTimestamp();
        slot.State = SlotState.Dialling;
        share.Enter();
        Guarded(index, &DialNext);
    }

    // level-triggered, so that what is left in the backlog after a turn is told again; one loop is woken for each
    private void Register(Entrance entrance) => entrance.IsPaused = !EpollEvents.Control(
        _epoll, Libc.EpollCtlAdd, entrance.Descriptor, EpollEvents.In | EpollEvents.Exclusive, (uint)entrance.Tag);

    /// <summary>Out of descriptors or memory: who waits in the backlog stays there until it is better.</summary>
    private void Pause(Entrance entrance, int error)
    {
        entrance.Share.Gate.AcceptFailed(Errno.ToSocketError(error));
        EpollEvents.Control(_epoll, Libc.EpollCtlDelete, entrance.Descriptor, 0, 0);
        (entrance.IsPaused, _hasPaused, _reopenAt) = (true, true, _wheel.Now + PauseTicks);
    }

    private void ReopenPaused()
    {
        if (!_hasPaused || _wheel.Now < _reopenAt)
        {
            return;
        }

        (_hasPaused, _reopenAt) = (false, _wheel.Now + PauseTicks);
        foreach (var entrance in _entrances.Values)
        {
            if (entrance.IsPaused)
            {
                Register(entrance);
                _hasPaused |= entrance.IsPaused;
            }
        }
    }

    private void Close(CarrierShare share, Predicate<Entrance> which)
    {
        foreach (var entrance in share.Entrances)
        {
            if (which(entrance))
            {
                // closing a duplicate does not end its registration: the caller's socket keeps the same file open
                _entrances.Remove(entrance.Tag);
                EpollEvents.Control(_epoll, Libc.EpollCtlDelete, entrance.Descriptor, 0, 0);
                _ = Libc.Close(entrance.Descriptor);
            }
        }

        share.Entrances.RemoveAll(which);
    }

    /// <summary>About once a second: long connections are seen to move, and carriers that are done are forgotten.</summary>
    private void TellNowAndThen()
    {
        if (_wheel.Now < _tellAt)
        {
            return;
        }

        _tellAt = _wheel.Now + TellTicks;
        foreach (var share in _shares)
        {
            share.Tell();
        }

        _shares.RemoveAll(share => share is { HasLeft: true, Connections: 0 });
    }

    private void CloseEntrances()
    {
        foreach (var share in _shares)
        {
            Close(share, _ => true);
        }
    }
}
