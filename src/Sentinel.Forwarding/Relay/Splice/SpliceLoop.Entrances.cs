using System.Net.Sockets;

namespace Sentinel.Forwarding.Relay.Splice;

// What carriers ask of a loop, from any thread, and what comes in at the door.
internal sealed unsafe partial class SpliceLoop
{
    private const int MostAtOnce = 64;
    private const int PauseTicks = 100 / TimerWheel.TickMilliseconds;
    private const int TellTicks = 1000 / TimerWheel.TickMilliseconds;

    private readonly Dictionary<ulong, (CarrierShare Share, Entrance Entrance)> _entrances = [];
    private readonly List<CarrierShare> _shares = [];
    private readonly Arrival[] _arrivals = new Arrival[MostAtOnce];
    private ulong _lastTag;
    private bool _hasPaused;
    private long _reopenAt;
    private long _tellAt;

    /// <summary>A carrier has come.</summary>
    public void Join(CarrierShare share) => Post(() => _shares.Add(share));

    /// <summary>Begins to accept for a carrier; whoever got the entrance closes it.</summary>
    /// <param name="listening">The caller's; open until the entrance is closed.</param>
    public Entrance Open(CarrierShare share, Socket listening)
    {
        var entrance = new Entrance(share.Gate, _epoll, listening);
        Post(() =>
        {
            _entrances.Add(++_lastTag, (share, entrance));
            _hasPaused |= !entrance.Register(_lastTag);
        });
        return entrance;
    }

    /// <summary>The carrier drains: counts this loop out, and ends who has not said yet where to.</summary>
    public void Leave(CarrierShare share) => Post(() =>
    {
        share.Leave();
        if (share.Answerer is not null)
        {
            EndAll(share, SlotState.Prefacing, ConnectionEnd.Completed);
            EndAll(share, SlotState.Greeting, ConnectionEnd.Completed);
        }
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
            else if (slot.ClosesOnDown)
            {
                End(index, ConnectionEnd.BackendDown);
            }
        }
    });

    /// <summary>Ends everything of a carrier.</summary>
    public void EndAll(CarrierShare share) => Post(() => EndAll(share, null, ConnectionEnd.Stopped));

    private void EndAll(CarrierShare share, SlotState? state, ConnectionEnd end)
    {
        for (var index = 0; index < _slots.Length; index++)
        {
            ref var slot = ref _slots[index];
            if (slot.Share == share && slot.State == (state ?? slot.State))
            {
                End(index, end);
            }
        }
    }

    private void TryAccept(ulong tag)
    {
        try
        {
            Accept(tag);
        }
        catch (Exception e)
        {
            Log.TurnFailed(_logger, e, _thread.Name!);
        }
    }

    private void Accept(ulong tag)
    {
        if (!_entrances.TryGetValue(tag, out var found))
        {
            return;
        }

        var (share, entrance) = found;
        var count = entrance.Accept(_arrivals, _errno, out var error);
        for (var i = 0; i < count; i++)
        {
            Admit(share, _arrivals[i]);
        }

        if (error != 0)
        {
            // out of descriptors or memory: who waits in the backlog stays there until it is better
            _pump.Pipes.Trim();
            entrance.Pause();
            (_hasPaused, _reopenAt) = (true, _wheel.Now + PauseTicks);
        }
    }

    private void Admit(CarrierShare share, Arrival arrival)
    {
        var rules = share.Gate.Rules;
        var isProxy = rules.Proxies is { } proxies && proxies.Contains(arrival.Client.Address);
        if (!share.Gate.Admit(rules, isProxy ? null : arrival.Client.ClientAddress))
        {
            _ = Libc.Close(arrival.Socket);
            return;
        }

        var index = _slots.Take();
        ref var slot = ref _slots[index];
        slot.Share = share;
        slot.Rules = rules;
        slot.Client = arrival.Client;
        slot.ClientSocket = arrival.Socket;
        slot.Start = _time.GetTimestamp();
        share.Enter();
        Begin(index, isProxy);
    }

    private void ReopenPaused()
    {
        if (!_hasPaused || _wheel.Now < _reopenAt)
        {
            return;
        }

        (_hasPaused, _reopenAt) = (false, _wheel.Now + PauseTicks);
        foreach (var (tag, (_, entrance)) in _entrances)
        {
            _hasPaused |= !entrance.Register(tag);
        }
    }

    /// <summary>About once a second: long connections are seen to move, and what is done is forgotten.</summary>
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
        foreach (var (tag, (_, entrance)) in _entrances)
        {
            if (entrance.IsClosed)
            {
                _entrances.Remove(tag);
            }
        }
    }
}
