using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>One connection as it came in.</summary>
internal readonly record struct Arrival(int Socket, SocketName Client);

/// <summary>
/// A loop's duplicate of a listening socket. Whoever stops listening must find the address free at once, so it is
/// closed by that thread and not by the loop; hence the lock, which is otherwise never contended.
/// </summary>
internal sealed unsafe class Entrance(CarrierShare share, int epoll, int descriptor)
{
    // more wait in the backlog and get their turn after those who are in
    public const int MostAtOnce = 64;

    private readonly Lock _lock = new();
    private bool _isClosed;
    private bool _isRegistered;

    /// <summary>For whom.</summary>
    public CarrierShare Share => share;

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
    /// <returns>False if the system refuses for now.</returns>
    public bool Register(ulong tag)
    {
        lock (_lock)
        {
            return _isClosed || _isRegistered
                || (_isRegistered = EpollEvents.Control(epoll, Libc.EpollCtlAdd, descriptor, EpollEvents.In | EpollEvents.Exclusive, tag));
        }
    }

    /// <summary>Takes who has arrived.</summary>
    /// <param name="arrivals">Room for <see cref="MostAtOnce"/>.</param>
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
                if (_isClosed || count == MostAtOnce)
                {
                    return count;
                }

                var length = SocketName.MaxLength;
                var socket = Libc.Accept(descriptor, address, &length, Libc.NonBlock | Libc.CloseOnExec);
                if (socket >= 0 && Descriptors.IsLastForClients(socket))
                {
                    _ = Libc.Close(socket);
                    Share.Gate.OutOfDescriptors();
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
                    Share.Gate.AcceptFailed(Errno.ToSocketError(error));
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
                _ = Libc.Close(descriptor);
            }
        }
    }

    // closing a duplicate does not end its registration: the caller's socket keeps the same file open
    private void Unregister()
    {
        if (_isRegistered)
        {
            _isRegistered = false;
            EpollEvents.Control(epoll, Libc.EpollCtlDelete, descriptor, 0, 0);
        }
    }
}
