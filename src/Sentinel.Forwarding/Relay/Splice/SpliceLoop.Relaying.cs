using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;

namespace Sentinel.Forwarding.Relay.Splice;

// What becomes of a connection: news from its sockets, its deadlines, its end.
internal sealed unsafe partial class SpliceLoop
{
    private static void ClientHasNews(SpliceLoop loop, int index)
    {
        ref var slot = ref loop._slots[index];
        if (slot.State == SlotState.Open)
        {
            GoOn(loop, index);
        }
        else if (slot.State == SlotState.Prefacing)
        {
            loop.ReadPreface(index);
        }
        else if (slot.State == SlotState.Greeting)
        {
            loop.ReadHello(index);
        }
        else if (slot.State == SlotState.Held && HasLeft(ref slot))
        {
            loop.End(index, ConnectionEnd.ClientLeft);
        }
    }

    /// <summary>
    /// Whether a client that waits has gone. One that spoke and then finished may be waiting for the answer; but not one of TLS, which has to go on after its
    /// hello, and whose hello is never taken.
    /// </summary>
    private static bool HasLeft(ref Slot slot)
    {
        byte first;
        return (slot.ClientReady & Readiness.Broken) != 0
            || ((slot.ClientReady & Readiness.Ending) != 0
                && (slot.Rules.Settings.Protocol == ListenerProtocol.Tls || Libc.Receive(slot.ClientSocket, &first, 1, Libc.MsgPeek) <= 0));
    }

    private static void UpstreamHasNews(SpliceLoop loop, int index)
    {
        ref var slot = ref loop._slots[index];
        if (slot.State == SlotState.Open)
        {
            GoOn(loop, index);
        }
        else if (slot.State == SlotState.Dialling)
        {
            if ((slot.UpstreamReady & Readiness.Broken) != 0)
            {
                loop.Refused(index, Errno.ToDialOutcome(SocketOptions.TakeError(slot.UpstreamSocket)));
            }
            else if ((slot.UpstreamReady & Readiness.Writable) != 0)
            {
                loop.Established(index);
            }
        }
    }

    /// <summary>Moves what can be moved, both ways, and ends the connection if that was the last of it.</summary>
    private static void GoOn(SpliceLoop loop, int index)
    {
        ref var slot = ref loop._slots[index];
        var (movedUp, movedDown) = (slot.Up.Moved, slot.Down.Moved);
        var up = loop._pump.Run(ref slot.Up, slot.ClientSocket, ref slot.ClientReady, slot.UpstreamSocket, ref slot.UpstreamReady, slot.Down.Finished);
        var down = loop._pump.Run(ref slot.Down, slot.UpstreamSocket, ref slot.UpstreamReady, slot.ClientSocket, ref slot.ClientReady, slot.Up.Finished);
        movedUp = slot.Up.Moved - movedUp;
        movedDown = slot.Down.Moved - movedDown;
        if ((movedUp | movedDown) != 0)
        {
            slot.LastMoved = loop._wheel.Now;
            slot.IsUnreviewed = true;
            slot.Share.Moved(movedUp, movedDown);
            if (slot.TimerBucket < 0)
            {
                loop.ArmFor(index, DeadPeer.ReviewInterval);
            }
        }

        if (up == Pumped.MoreToDo || down == Pumped.MoreToDo)
        {
            if (!slot.IsQueued)
            {
                slot.IsQueued = true;
                loop._unfinished.Enqueue((index, slot.Generation));
            }
        }
        else if (((slot.ClientReady | slot.UpstreamReady) & Readiness.Broken) != 0)
        {
            // what the broken side had sent before has been passed on, as far as the other takes it now
            loop.End(index, (slot.ClientReady & Readiness.Broken) != 0 ? ConnectionEnd.ClientReset : ConnectionEnd.BackendReset);
        }
        else if (up == Pumped.Finished && down == Pumped.Finished)
        {
            loop.End(index, ConnectionEnd.Completed);
        }
        else if ((slot.ClientReady & Readiness.Writable) == 0 && !loop.WatchForClient(index, WatchClient | EpollEvents.Out))
        {
            loop.End(index, ConnectionEnd.Failed);
        }
    }

    private static void DeadlineCame(SpliceLoop loop, int index)
    {
        ref var slot = ref loop._slots[index];
        switch (slot.State)
        {
            case SlotState.Prefacing:
                loop.End(index, ConnectionEnd.BadPreface);
                break;
            case SlotState.Greeting:
                loop.End(index, ConnectionEnd.Idle);
                break;
            case SlotState.Dialling or SlotState.Resolving:
                loop.DialFailed(index, DialOutcome.TimedOut);
                break;
            case SlotState.Open:
                loop.LookAfter(index);
                break;
        }
    }

    /// <summary>What no event tells: idleness, and peers that are alive and do not read.</summary>
    private void LookAfter(int index)
    {
        ref var slot = ref _slots[index];
        if (!slot.IsKeptAlive)
        {
            slot.IsKeptAlive = true;
            SocketOptions.WatchForDeadPeer(slot.UpstreamSocket);
        }

        if (slot.IsUnreviewed)
        {
            slot.IsUnreviewed = SocketOptions.Review(slot.ClientSocket) | SocketOptions.Review(slot.UpstreamSocket);
        }

        var next = slot.IsUnreviewed ? DeadPeer.ReviewInterval : TimeSpan.MaxValue;
        if (slot.Rules.Settings.IdleTimeout is var idle && idle > TimeSpan.Zero)
        {
            var left = idle - TimeSpan.FromMilliseconds((_wheel.Now - slot.LastMoved) * TimerWheel.TickMilliseconds);
            if (left <= TimeSpan.Zero)
            {
                End(index, ConnectionEnd.Idle);
                return;
            }

            next = left < next ? left : next;
        }

        if (next != TimeSpan.MaxValue)
        {
            ArmFor(index, next);
        }
    }

    /// <summary>Nobody could serve it in time: ends it, unless there is somebody to answer.</summary>
    private void LetGo(int index, ConnectionEnd end)
    {
        if (_slots[index].Share.Answerer is { } answerer)
        {
            GiveTo(answerer, index);
        }
        else
        {
            End(index, end);
        }
    }

    /// <summary>Gives a client away, and with it the duty to report its end.</summary>
    private void GiveTo(IAnswerer answerer, int index)
    {
        ref var slot = ref _slots[index];
        var (rules, share, start) = (slot.Rules, slot.Share, slot.Start);
        if (slot.Waiter is { } waiter)
        {
            rules.Gate.Room.Leave(waiter);
        }

        _wheel.Disarm(index);
        if (slot.ClientWatch != 0)
        {
            EpollEvents.Control(_epoll, Libc.EpollCtlDelete, slot.ClientSocket, 0, 0);
        }

        var client = new Socket(new SafeSocketHandle(slot.ClientSocket, ownsHandle: true));
        var caller = new Caller(rules, client, slot.Client.ToEndPoint(), slot.Client.ClientAddress, isProxy: false, slot.Reached);
        _slots.Return(index);
        answerer.Answer(rules, caller, client, start);
        share.Exit();
    }

    /// <summary>The one way out: closes both sockets, gives everything back, reports.</summary>
    private void End(int index, ConnectionEnd end)
    {
        ref var slot = ref _slots[index];
        var (rules, share, backend) = (slot.Rules, slot.Share, slot.Backend);
        if (slot.Waiter is { } waiter)
        {
            // where it was called back already, the message is on its way and finds nobody
            rules.Gate.Room.Leave(waiter);
        }

        _wheel.Disarm(index);
        _pump.Release(ref slot.Up);
        _pump.Release(ref slot.Down);

        // whoever did not break it must not take a broken connection for a finished one
        if (slot.State == SlotState.Open && end != ConnectionEnd.Completed)
        {
            SocketOptions.ResetOnClose(slot.ClientSocket);
            SocketOptions.ResetOnClose(slot.UpstreamSocket);
        }

        _ = Libc.Close(slot.ClientSocket);
        CloseUpstream(ref slot);
        backend?.Load.Exit();
        var ended = new EndedConnection
        {
            Client = slot.State == SlotState.Prefacing ? null : slot.Client.ClientAddress,
            EndPoint = _logger.IsEnabled(LogLevel.Information) ? slot.Client.ToEndPoint() : null,
            Start = slot.Start,
            End = end,
            Backend = slot.State == SlotState.Open ? backend?.Id : null,
            ToBackend = slot.Up.Moved,
            ToClient = slot.Down.Moved,
        };
        _slots.Return(index);
        share.Tell();
        rules.Gate.Ended(rules, ended);
        share.Exit();
    }

    private static void CloseUpstream(ref Slot slot)
    {
        if (slot.UpstreamSocket > 0)
        {
            _ = Libc.Close(slot.UpstreamSocket);
            slot.UpstreamSocket = 0;
        }
    }
}
