using System.Collections.Concurrent;
using System.Net.Sockets;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay.Splice;

namespace Sentinel.Forwarding.Http.Loops;

// How clients come in: accepted, and served from their first byte on, by the thread that waits for them.
internal sealed unsafe partial class SocketLoop
{
    // Sockets are named by their place, which is below it.
    private const ulong EntranceMark = 1UL << 31;

    // More wait in the backlog, where a loop that has less to do may take them.
    private const int MostAtOnce = 16;
    private const int PauseMilliseconds = 100;
    private static readonly TimeSpan LengthOfPause = TimeSpan.FromMilliseconds(PauseMilliseconds);

    private readonly ConcurrentQueue<Action> _posted = new();
    private readonly Dictionary<ulong, LoopEntrance> _entrances = [];
    private readonly Arrival[] _arrivals = new Arrival[MostAtOnce];
    private ulong _lastEntrance;
    private bool _hasPaused;
    private long _pausedAt;
    private int _guests;

    /// <summary>How many clients it serves, more or less.</summary>
    public int Guests => Volatile.Read(ref _guests);

    /// <summary>A client is served here; balanced by <see cref="GuestLeft"/>. Any thread.</summary>
    public void GuestCame() => Interlocked.Increment(ref _guests);

    /// <summary>Balances <see cref="GuestCame"/>.</summary>
    public void GuestLeft() => Interlocked.Decrement(ref _guests);

    /// <summary>Begins to accept. Any thread.</summary>
    /// <param name="gate">Told of what goes wrong.</param>
    /// <param name="sink">Gets who comes.</param>
    /// <param name="listening">The caller's; open until what comes back is disposed.</param>
    public IAccepting Open(Gate gate, IArrivalSink sink, Socket listening)
    {
        var entrance = new LoopEntrance(this, new(gate, _epoll, listening), sink);
        Post(() =>
        {
            var tag = (++_lastEntrance << 32) | EntranceMark;
            _entrances.Add(tag, entrance);
            if (!entrance.Entrance.Register(tag))
            {
                Pause();
            }
        });
        return entrance;
    }

    /// <summary>Whoever was let in before has been passed on when this completes. Any thread.</summary>
    public void Close(LoopEntrance entrance)
    {
        entrance.Entrance.Close();
        Post(() =>
        {
            _entrances.Remove(_entrances.FirstOrDefault(each => each.Value == entrance).Key);
            entrance.IsOver();
        });
    }

    private void Post(Action action)
    {
        _posted.Enqueue(action);
        if (!Wake())
        {
            // nobody else will
            RunPosted();
        }
    }

    /// <returns>False once the loop has ended.</returns>
    private bool Wake()
    {
        lock (_lock)
        {
            ulong one = 1;
            _ = _isOver ? 0 : Libc.Write(_wake, (byte*)&one, sizeof(ulong));
            return !_isOver;
        }
    }

    private void RunPosted()
    {
        while (_posted.TryDequeue(out var action))
        {
            try
            {
                action();
            }
            catch (Exception e)
            {
                Failed(e);
            }
        }
    }

    private void Accept(ulong tag)
    {
        // the event that wakes the loop has every mark, and nobody's tag
        if (!_entrances.TryGetValue(tag, out var entrance))
        {
            return;
        }

        var count = entrance.Entrance.Accept(_arrivals, Libc.ErrnoLocation(), out var error);
        for (var i = 0; i < count; i++)
        {
            try
            {
                entrance.Sink.Take(this, _arrivals[i]);
            }
            catch (Exception e)
            {
                // the others are not to be lost with one
                Failed(e);
            }
        }

        if (error != 0)
        {
            // out of descriptors or memory: who waits in the backlog stays there until it is better
            entrance.Entrance.Pause();
            Pause();
        }
    }

    private void Pause() => (_hasPaused, _pausedAt) = (true, _time.GetTimestamp());

    private void ReopenPaused()
    {
        if (!_hasPaused || _time.GetElapsedTime(_pausedAt) < LengthOfPause)
        {
            return;
        }

        _hasPaused = false;
        foreach (var (tag, entrance) in _entrances)
        {
            if (!entrance.Entrance.Register(tag))
            {
                Pause();
            }
        }
    }
}
