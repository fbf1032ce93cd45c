using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Progress;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>
/// One thread that carries connections from accept to close, dial included: nothing of a connection is touched by any
/// other thread, so there is no lock. Others speak to it through <see cref="Post"/>. Its sockets are edge-triggered and
/// registered once; what an event says is remembered in the slot. An event names its slot by index and generation, so
/// that one for a connection that died earlier in the same batch finds nobody.
/// </summary>
internal sealed unsafe partial class SpliceLoop
{
    private const int EventsPerBatch = 256;

    // a sign of life at least this often, in ticks of the wheel: about a second
    private const int LongestSleep = 1000 / TimerWheel.TickMilliseconds;

    // generation 0 is never a slot's: index 0 is the wake-up, others are entrances
    private const ulong WakeUp = 0;

    private readonly TimeProvider _time;
    private readonly LoopProgress _progress;
    private readonly ILogger _logger;
    private readonly Thread _thread;
    private readonly long _start;
    private readonly int _epoll;
    private readonly int _wake;
    private readonly int _mostPipes;
    private readonly ConcurrentQueue<Action> _inbox = new();
    private readonly Queue<(int Index, uint Generation)> _unfinished = new();
    private readonly List<int> _due = [];
    private readonly SlotTable _slots = new();
    private readonly TimerWheel _wheel;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Pump _pump = null!;
    private Courtesy _courtesy = null!;
    private int* _errno;
    private int _isWoken;
    private bool _isStopping;

    private SpliceLoop(string name, int epoll, int wake, int mostPipes, TimeProvider time, LoopRegistry loops, ILogger logger)
    {
        (_epoll, _wake, _mostPipes, _time, _logger) = (epoll, wake, mostPipes, time, logger);
        _wheel = new(_slots);
        _start = time.GetTimestamp();
        _progress = loops.Add(name);
        _thread = new(Run) { Name = name, IsBackground = true };
    }

    /// <summary>Completes when the thread has ended.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Starts a loop; null, with the error number, where the system has no descriptors left for it.</summary>
    public static SpliceLoop? Start(string name, int mostPipes, TimeProvider time, LoopRegistry loops, ILogger logger, out int error)
    {
        error = 0;
        var epoll = Libc.EpollCreate(Libc.CloseOnExec);
        var wake = epoll < 0 ? -1 : Libc.EventFd(0, Libc.NonBlock | Libc.CloseOnExec);
        if (wake < 0 || !EpollEvents.Control(epoll, Libc.EpollCtlAdd, wake, EpollEvents.In | EpollEvents.EdgeTriggered, WakeUp))
        {
            error = *Libc.ErrnoLocation();
            _ = Libc.Close(wake);
            _ = Libc.Close(epoll);
            return null;
        }

        var loop = new SpliceLoop(name, epoll, wake, mostPipes, time, loops, logger);
        loop._thread.Start();
        return loop;
    }

    /// <summary>Runs something on the loop's thread, after what was posted before. Any thread. Dropped once the loop has ended.</summary>
    public void Post(Action work)
    {
        _inbox.Enqueue(work);
        if (Interlocked.Exchange(ref _isWoken, 1) == 0)
        {
            Wake();
        }
    }

    /// <summary>Ends the loop once it has no connection left.</summary>
    public void Stop() => Post(() => _isStopping = true);

    /// <summary>What it holds now.</summary>
    public Task<SpliceUsage> UsageAsync()
    {
        var usage = new TaskCompletionSource<SpliceUsage>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() => usage.SetResult(new(
            _slots.Count, _pump.Pipes.Opened, _pump.Pipes.InUse, _pump.Leftovers.InUse, GC.GetAllocatedBytesForCurrentThread())));
        return usage.Task;
    }

    private void Wake()
    {
        ulong one = 1;
        _ = Libc.Write(_wake, (byte*)&one, sizeof(ulong));
    }

    private void Run()
    {
        // errno's place belongs to the thread, and so does its share of the processor: whoever looks at them is made here
        _errno = Libc.ErrnoLocation();
        using var events = new EpollEvents(EventsPerBatch);
        _pump = new(_mostPipes);
        _courtesy = new(_time);
        while (!_isStopping || _slots.Count > 0 || !_inbox.IsEmpty)
        {
            try
            {
                Turn(events);
            }
            catch (Exception e)
            {
                Log.TurnFailed(_logger, e, _thread.Name!);
            }
        }

        _pump.Free();
        _progress.Dispose();
        _ = Libc.Close(_wake);
        _ = Libc.Close(_epoll);
        _ended.SetResult();
    }

    private void Turn(EpollEvents events)
    {
        var sleep = _unfinished.Count > 0 ? 0 : _wheel.UntilNext(_hasPaused ? PauseTicks : LongestSleep) * TimerWheel.TickMilliseconds;
        var count = Libc.EpollWait(_epoll, events.Pointer, events.Capacity, sleep);
        _progress.Beat();
        _wheel.Now = (long)_time.GetElapsedTime(_start).TotalMilliseconds / TimerWheel.TickMilliseconds;
        for (var i = 0; i < count; i++)
        {
            Dispatch(events.EventsAt(i), events.DataAt(i));
        }

        for (var left = _unfinished.Count; left > 0; left--)
        {
            var (index, generation) = _unfinished.Dequeue();
            if (Find(index, generation))
            {
                _slots[index].IsQueued = false;
                Guarded(index, &GoOn);
            }
        }

        RunPosted();
        MeetDeadlines();
    }

    private void Dispatch(uint events, ulong data)
    {
        var generation = (uint)(data >> 32);
        var index = (int)(data & uint.MaxValue);
        if (generation == 0)
        {
            if (data == WakeUp)
            {
                ulong ignored;
                _ = Libc.Read(_wake, (byte*)&ignored, sizeof(ulong));
            }
            else
            {
                TryAccept(data);
            }

            return;
        }

        var isUpstream = (index & 1) != 0;
        index >>= 1;
        if (!Find(index, generation))
        {
            return;
        }

        ref var slot = ref _slots[index];
        if (isUpstream)
        {
            slot.UpstreamReady |= ReadinessOf(events, slot.Up.Finished);
        }
        else
        {
            slot.ClientReady |= ReadinessOf(events, slot.Down.Finished);
        }

        Guarded(index, isUpstream ? &UpstreamHasNews : &ClientHasNews);
    }

    /// <summary>What one connection does wrong ends that connection, and the loop goes on.</summary>
    private void Guarded(int index, delegate*<SpliceLoop, int, void> work)
    {
        try
        {
            work(this, index);
        }
        catch (Exception e)
        {
            Log.ConnectionFailed(_logger, e, _thread.Name!);
            EndFailed(index);
        }
    }

    private void EndFailed(int index)
    {
        try
        {
            if (_slots[index].State != SlotState.Free)
            {
                End(index, ConnectionEnd.Failed);
            }
        }
        catch (Exception e)
        {
            // the events of the batch that are still to come tell of other connections, and come only once
            Log.TurnFailed(_logger, e, _thread.Name!);
        }
    }

    private void RunPosted()
    {
        // cleared first: what is posted from here on wakes the loop again
        Volatile.Write(ref _isWoken, 0);
        Interlocked.MemoryBarrier();
        while (_inbox.TryDequeue(out var work))
        {
            try
            {
                work();
            }
            catch (Exception e)
            {
                Log.TurnFailed(_logger, e, _thread.Name!);
            }
        }
    }

    private void MeetDeadlines()
    {
        if (!_wheel.Turn(_due))
        {
            return;
        }

        _courtesy.Review(_pump.Spliced);

        foreach (var index in _due)
        {
            // an earlier one's end does not free later ones: each was disarmed, and only its own work can end it
            Guarded(index, &DeadlineCame);
        }

        _due.Clear();
        ReopenPaused();
        TellNowAndThen();
    }

    private bool Find(int index, uint generation) => index < _slots.Length && _slots[index].Generation == generation;

    /// <param name="sentEnd">We have sent our FIN on this socket.</param>
    private static Readiness ReadinessOf(uint events, bool sentEnd)
    {
        var ready = Readiness.None;
        if ((events & (EpollEvents.In | EpollEvents.ReadHangUp | EpollEvents.HangUp | EpollEvents.Error)) != 0)
        {
            ready |= Readiness.Readable;
        }

        if ((events & EpollEvents.Out) != 0)
        {
            ready |= Readiness.Writable;
        }

        if ((events & EpollEvents.ReadHangUp) != 0)
        {
            ready |= Readiness.Ending;
        }

        // both halves shut, and not by us: a reset whose error a send has taken away already, since Linux tells it once
        if ((events & EpollEvents.Error) != 0 || ((events & EpollEvents.HangUp) != 0 && !sentEnd))
        {
            ready |= Readiness.Broken;
        }

        if ((events & EpollEvents.Priority) != 0)
        {
            ready |= Readiness.Urgent;
        }

        return ready;
    }
}
