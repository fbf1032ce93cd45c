using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Relay.Splice;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>
/// One thread that waits for many sockets, and on which goes on whatever waited for one of them: the next thing that is
/// done with bytes that came is done where they came. Nothing here may block. Sockets are edge-triggered and registered once.
/// </summary>
internal sealed unsafe partial class SocketLoop : IDisposable
{
    private const int EventsPerBatch = 128;
    private const int LongestSleep = 1000; // a sign of life at least this often, in milliseconds
    private const ulong WakeUp = ulong.MaxValue;

    private readonly int _epoll;
    private readonly int _wake;
    private readonly LoopProgress _progress;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Thread _thread;
    private readonly Lock _lock = new();
    private readonly Stack<int> _free = new();
    private LoopSocket?[] _sockets = new LoopSocket?[64];
    private int _used;
    private uint _lastId;
    private volatile bool _isStopping;
    private bool _isOver;

    private SocketLoop(string name, int epoll, int wake, LoopRegistry loops, TimeProvider time, ILogger logger)
    {
        (_epoll, _wake, _time, _logger) = (epoll, wake, time, logger);
        _progress = loops.Add(name);
        _thread = new(Run) { Name = name, IsBackground = true };
    }

    /// <summary>Starts a loop; null where the system has no descriptors left for it.</summary>
    public static SocketLoop? Start(string name, LoopRegistry loops, TimeProvider time, ILogger logger)
    {
        var epoll = Libc.EpollCreate(Libc.CloseOnExec);
        var wake = epoll < 0 ? -1 : Libc.EventFd(0, Libc.NonBlock | Libc.CloseOnExec);
        if (wake < 0 || !EpollEvents.Control(epoll, Libc.EpollCtlAdd, wake, EpollEvents.In | EpollEvents.EdgeTriggered, WakeUp))
        {
            _ = Libc.Close(wake);
            _ = Libc.Close(epoll);
            return null;
        }

        var loop = new SocketLoop(name, epoll, wake, loops, time, logger);
        loop._thread.Start();
        return loop;
    }

    /// <summary>Begins to listen to a socket that is connected, or on the way to that. Any thread.</summary>
    /// <param name="socket">Owned by what comes back.</param>
    /// <param name="withWriting">Whether it is to tell, too, when it can be written to.</param>
    /// <exception cref="SocketException">The system refuses, or the loop is at its end.</exception>
    /// <exception cref="ObjectDisposedException">It was closed.</exception>
    public LoopSocket Add(Socket socket, bool withWriting = false) => Add(socket.SafeHandle, socket, withWriting);

    /// <summary>As <see cref="Add(Socket, bool)"/>, of what .NET does not know.</summary>
    /// <exception cref="SocketException">The system refuses, or the loop is at its end.</exception>
    public LoopSocket Add(Descriptor socket) => Add(socket, null, withWriting: false);

    private LoopSocket Add(SafeHandle handle, Socket? socket, bool withWriting)
    {
        LoopSocket added;
        lock (_lock)
        {
            if (!_free.TryPop(out var index))
            {
                index = _used++;
                if (index == _sockets.Length)
                {
                    Array.Resize(ref _sockets, index * 2);
                }
            }

            added = new(this, handle, socket, index, ++_lastId);
            Volatile.Write(ref _sockets[index], added);
        }

        try
        {
            return added.Watch(withWriting) ? added : throw new SocketException((int)SocketError.NoBufferSpaceAvailable);
        }
        catch
        {
            Remove(added);
            throw;
        }
    }

    /// <summary>Forgets a socket; the system does by itself when the socket is closed.</summary>
    public void Remove(LoopSocket socket)
    {
        lock (_lock)
        {
            if (_sockets[socket.Index] == socket)
            {
                _sockets[socket.Index] = null;
                _free.Push(socket.Index);
            }
        }
    }

    /// <returns>False where the system refuses, or the loop is at its end.</returns>
    public bool Control(int operation, int descriptor, uint events, LoopSocket socket)
    {
        lock (_lock)
        {
            // the number of what is closed may be another's by now
            return !_isOver && EpollEvents.Control(_epoll, operation, descriptor, events | EpollEvents.EdgeTriggered, ((ulong)socket.Id << 32) | (uint)socket.Index);
        }
    }

    /// <summary>Ends the loop, and whatever it still waits for: those sockets are broken off.</summary>
    public void Dispose()
    {
        _isStopping = true;
        Wake();
        if (Thread.CurrentThread != _thread)
        {
            _thread.Join();
        }
    }

    /// <summary>What belongs to one of its sockets failed; it goes on. Any thread.</summary>
    public void Failed(Exception e) => Log.LoopTurnFailed(_logger, e, _thread.Name!);

    private void Run()
    {
        BufferStock.StockHere();
        using var events = new EpollEvents(EventsPerBatch);
        while (!_isStopping)
        {
            var count = Libc.EpollWait(_epoll, events.Pointer, events.Capacity, _hasPaused ? PauseMilliseconds : LongestSleep);
            _progress.Beat();
            for (var i = 0; i < count; i++)
            {
                Tell(events.EventsAt(i), events.DataAt(i));
            }

            RunPosted();
            ReopenPaused();
        }

        _progress.Dispose();
        foreach (var entrance in _entrances.Values)
        {
            entrance.Entrance.Close();
        }

        LoopSocket[] left;
        lock (_lock)
        {
            _isOver = true;
            left = [.. _sockets.OfType<LoopSocket>()];
            _ = Libc.Close(_wake);
            _ = Libc.Close(_epoll);
        }

        RunPosted();
        foreach (var socket in left)
        {
            socket.Abort();
        }
    }

    private void Tell(uint events, ulong data)
    {
        try
        {
            if ((data & EntranceMark) != 0)
            {
                Accept(data);
            }
            else if (Volatile.Read(ref _sockets)[(int)(data & uint.MaxValue)] is { } socket && socket.Id == (uint)(data >> 32))
            {
                // an event that was on its way when its socket was closed finds nobody, or somebody else
                socket.Tell(events);
            }
        }
        catch (Exception e)
        {
            Failed(e);
        }
    }
}
