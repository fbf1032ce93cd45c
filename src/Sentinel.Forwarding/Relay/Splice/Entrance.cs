using System.Net.Sockets;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>One connection as it came in.</summary>
internal readonly record struct Arrival(int Socket, SocketName Client);

/// <summary>
/// A loop's duplicate of a listening socket. Whoever stops listening must find the address free at once, so it is
/// closed by that thread and not by the loop; hence the lock, which is otherwise never contended.
/// </summary>
/// <param name="gate">Told of what goes wrong.</param>
/// <param name="listening">The caller's; open until <see cref="Close"/> has returned.</param>
internal sealed unsafe class Entrance(Gate gate, int epoll, Socket listening)
{
    private readonly Lock _lock = new();
    private int _descriptor = -1;
    private bool _isClosed;
    private bool _isRegistered;

    public bool IsClosed
    {
        get
        {
            lock (_lock)
            {
                return _isClosed;
            }
        }
    }

    /// <summary>
    /// Begins, or goes on after <see cref="Pause"/>. Level-triggered, so that what is left in the backlog after a turn
    /// is told again; one loop is woken for each arrival.
    /// </summary>
    /// <param name="tag">How events name it.</param>
    /// <returns>False if the system refuses for now, for want of a descriptor perhaps.</returns>
    public bool Register(ulong tag)
    {
        lock (_lock)
        {
            return _isClosed || _isRegistered
                || (_isRegistered = TryDuplicate() && EpollEvents.Control(epoll, Libc.EpollCtlAdd, _descriptor, EpollEvents.In | EpollEvents.Exclusive, tag));
        }
    }

    /// <summary>Takes who has arrived.</summary>
    /// <param name="arrivals">Room for as many as may be taken: more wait in the backlog and get their turn after those who are in.</param>
    /// <param name="errno">Of this thread.</param>
    /// <param name="error">Zero; or why no more could be taken, which the gate knows already.</param>
    /// <returns>How many.</returns>
    public int Accept(Arrival[] arrivals, int* errno, out int error)
    {
        error = 0;
        var address = stackalloc byte[SocketName.MaxLength];
        lock (_lock)
        {
            for (var count = 0; ;)
            {
                if (_isClosed || count == arrivals.Length)
                {
                    return count;
                }

                var length = SocketName.MaxLength;
                var socket = Libc.Accept(_descriptor, address, &length, Libc.NonBlock | Libc.CloseOnExec);
                if (socket >= 0 && Descriptors.IsLastForClients(socket))
                {
                    _ = Libc.Close(socket);
                    gate.OutOfDescriptors();
                    error = Errno.ProcessFilesFull;
                    return count;
                }

                if (socket >= 0)
                {
                    arrivals[count++] = new(socket, new(address));
                }
                else if (*errno == Errno.Again)
                {
                    return count;
                }
                else if (*errno != Errno.ConnectionAborted)
                {
                    // a client that gave up in the backlog makes room for the next; anything else is no better at once
                    error = *errno;
                    gate.AcceptFailed(Errno.ToSocketError(error));
                    return count;
                }
            }
        }
    }

    /// <summary>Until <see cref="Register"/>, who arrives stays in the backlog.</summary>
    public void Pause()
    {
        lock (_lock)
        {
            Unregister();
        }
    }

    /// <summary>For ever. Any thread.</summary>
    public void Close()
    {
        lock (_lock)
        {
            if (!_isClosed)
            {
                _isClosed = true;
                Unregister();
                _ = Libc.Close(_descriptor);
            }
        }
    }

    private bool TryDuplicate()
    {
        if (_descriptor < 0)
        {
            // .NET makes a socket non-blocking when it first needs it to be
            var original = (int)listening.Handle;
            _ = Libc.Fcntl(original, Libc.FcntlSetFlags, Libc.Fcntl(original, Libc.FcntlGetFlags, 0) | Libc.NonBlock);
            _descriptor = Libc.Fcntl(original, Libc.FcntlDuplicate, 0);
            if (_descriptor < 0)
            {
                gate.AcceptFailed(SocketError.TooManyOpenSockets);
            }
        }

        return _descriptor >= 0;
    }

    // closing a duplicate does not end its registration: the caller's socket keeps the same file open
    private void Unregister()
    {
        if (_isRegistered)
        {
            _isRegistered = false;
            EpollEvents.Control(epoll, Libc.EpollCtlDelete, _descriptor, 0, 0);
        }
    }
}
