using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay.Splice;

// How a connection goes to another process, and comes from one.
internal sealed unsafe partial class SpliceLoop
{
    /// <summary>Takes out everything of a carrier.</summary>
    public Task<List<KeptConnection>> TakeOutAsync(CarrierShare share)
    {
        var done = new TaskCompletionSource<List<KeptConnection>>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() =>
        {
            var taken = new List<KeptConnection>(share.Connections);
            try
            {
                for (var index = 0; index < _slots.Length; index++)
                {
                    if (_slots[index].Share == share && TryTakeOut(index) is { } connection)
                    {
                        taken.Add(connection);
                    }
                }
            }
            finally
            {
                done.SetResult(taken);
            }
        });
        return done.Task;
    }

    /// <summary>Goes on with a connection of another process.</summary>
    public void Resume(CarrierShare share, KeptConnection connection, ListenerRules rules) => Post(() =>
    {
        var index = _slots.Take();
        ref var slot = ref _slots[index];
        slot.Share = share;
        slot.Rules = rules;
        slot.Client = new(connection.Client.Address, connection.Client.Port);
        slot.Reached = connection.Reached;
        slot.ClientSocket = Adopt(connection.ClientSocket);
        slot.Start = connection.StartOn(_time);
        share.Enter();
        if (connection.Relay is not { } relay)
        {
            Begin(index, connection.IsUnknown);
            return;
        }

        try
        {
            Resume(index, relay);
        }
        catch (Exception e)
        {
            Log.ConnectionFailed(_logger, e, _thread.Name!);
            EndFailed(index);
        }
    });

    private void Resume(int index, KeptRelay relay)
    {
        ref var slot = ref _slots[index];
        slot.Backend = relay.BackendIn(slot.Rules.Gate.Pools);
        slot.Backend.Load.Enter();
        slot.UpstreamSocket = Adopt(relay.BackendSocket);
        slot.State = SlotState.Open;
        slot.ClosesOnDown = relay.ClosesOnDown;
        slot.LastMoved = _wheel.Now;
        slot.IsUnreviewed = true;
        Fill(ref slot.Up, relay.ToBackend);
        Fill(ref slot.Down, relay.ToClient);

        // whether it is so, the first calls find out; registering reports an end that has come meanwhile
        slot.ClientReady = slot.UpstreamReady = Readiness.Readable | Readiness.Writable;
        ArmFor(index, KeepAliveAfter);
        if (slot.ClosesOnDown && slot.Rules.Gate.IsDown(slot.Backend))
        {
            End(index, ConnectionEnd.BackendDown);
        }
        else if (WatchForClient(index, WatchClient)
            && EpollEvents.Control(_epoll, Libc.EpollCtlAdd, slot.UpstreamSocket, WatchUpstream, Tag(index, slot.Generation, isUpstream: true)))
        {
            Guarded(index, &GoOn);
        }
        else
        {
            End(index, ConnectionEnd.Failed);
        }
    }

    private void Fill(ref Flow flow, KeptFlow kept)
    {
        flow.Moved = kept.Bytes;
        flow.Ended = flow.Finished = kept.IsOver;
        if (!kept.Unsent.IsEmpty)
        {
            flow.Leftover = _pump.Leftovers.Take(kept.Unsent.Length);
            flow.LeftoverEnd = kept.Unsent.Length;
            kept.Unsent.Span.CopyTo(new(flow.Leftover, flow.LeftoverEnd));
        }
    }

    private KeptConnection? TryTakeOut(int index)
    {
        try
        {
            return TakeOut(index);
        }
        catch (Exception e)
        {
            Log.ConnectionFailed(_logger, e, _thread.Name!);
            EndFailed(index);
            return null;
        }
    }

    /// <returns>Null if it was broken, and has ended.</returns>
    private KeptConnection? TakeOut(int index)
    {
        ref var slot = ref _slots[index];
        if (slot.State == SlotState.Open && ((slot.ClientReady | slot.UpstreamReady) & Readiness.Broken) != 0)
        {
            End(index, (slot.ClientReady & Readiness.Broken) != 0 ? ConnectionEnd.ClientReset : ConnectionEnd.BackendReset);
            return null;
        }

        // first what may fail, while End still finds everything in its place
        var (rules, share) = (slot.Rules, slot.Share);
        var (isOpen, client) = (slot.State == SlotState.Open, slot.Client.ToEndPoint());
        var (toBackend, toClient) = (Keep(ref slot.Up), Keep(ref slot.Down));
        if (slot.Waiter is { } waiter)
        {
            // where it was called back already, the message is on its way and finds nobody
            rules.Gate.Room.Leave(waiter);
        }

        var taken = new KeptConnection
        {
            Listener = rules.Gate.Name,
            Client = client,
            Reached = slot.Reached,
            IsUnknown = slot.State == SlotState.Prefacing,
            Start = _time.GetUtcNow() - _time.GetElapsedTime(slot.Start),
            ClientSocket = Part(ref slot.ClientSocket),
            Relay = !isOpen ? null : new()
            {
                Backend = slot.Backend!.Id,
                ClosesOnDown = slot.ClosesOnDown,
                BackendSocket = Part(ref slot.UpstreamSocket),
                ToBackend = toBackend,
                ToClient = toClient,
            },
        };

        // a dial under way begins anew over there
        CloseUpstream(ref slot);
        _wheel.Disarm(index);
        _pump.Release(ref slot.Up);
        _pump.Release(ref slot.Down);
        slot.Backend?.Load.Exit();
        _slots.Return(index);
        share.Tell();
        share.Exit();
        return taken;
    }

    private static KeptFlow Keep(ref Flow flow)
    {
        var left = flow.Leftover == null ? 0 : flow.LeftoverEnd - flow.LeftoverStart;
        var unsent = new byte[left + flow.Piped];
        new Span<byte>(flow.Leftover + flow.LeftoverStart, left).CopyTo(unsent);
        fixed (byte* bytes = unsent)
        {
            while (flow.Piped > 0)
            {
                // never interrupted: all of it is there
                var read = (int)Libc.Read(flow.PipeRead, bytes + unsent.Length - flow.Piped, flow.Piped);
                flow.Piped -= read > 0 ? read : throw new InvalidOperationException("bytes in a pipe cannot be read");
            }
        }

        return new() { Bytes = flow.Moved, Unsent = unsent, IsOver = flow.Finished };
    }

    // closing does not end a registration while another descriptor keeps the same file open
    private Descriptor Part(ref int socket)
    {
        EpollEvents.Control(_epoll, Libc.EpollCtlDelete, socket, 0, 0);
        var descriptor = new Descriptor(socket);
        socket = 0;
        return descriptor;
    }

    private static int Adopt(Descriptor socket)
    {
        var number = socket.Release();
        _ = Libc.Fcntl(number, Libc.FcntlSetFlags, Libc.Fcntl(number, Libc.FcntlGetFlags, 0) | Libc.NonBlock);
        return number;
    }
}
