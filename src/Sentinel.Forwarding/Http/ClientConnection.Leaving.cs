using System.Net.Sockets;
using Sentinel.Forwarding.HandOver;

namespace Sentinel.Forwarding.Http;

// How a connection that nobody has decided on goes to another process.
internal sealed partial class ClientConnection
{
    private bool _leaving;

    /// <summary>Somebody serves it.</summary>
    public bool IsServed
    {
        get
        {
            lock (_lock)
            {
                return _transport is not null;
            }
        }
    }

    /// <summary>The next process is to decide on it: <see cref="Beginning"/> was cancelled for that alone.</summary>
    public bool IsLeaving
    {
        get
        {
            lock (_lock)
            {
                return _leaving && _end is null;
            }
        }
    }

    /// <summary>Leaves the decision to the next process, unless it has been made.</summary>
    public void Leave()
    {
        lock (_lock)
        {
            if (_transport is not null || _end is not null)
            {
                return;
            }

            _leaving = true;
        }

        BeginningSource.Cancel();
    }

    /// <summary>Takes it out of this process, if .NET waits for it; <see cref="GivenAway"/> follows, once it is in good hands. Nothing of it was read, but for the PROXY header of one that is known.</summary>
    /// <exception cref="SocketException">Out of descriptors.</exception>
    public KeptConnection TakeOut()
    {
        var time = Gate.Time;
        var taken = new KeptConnection
        {
            Listener = Gate.Name,
            Client = EndPoint,
            Reached = Caller.Reached,
            IsUnknown = Caller.IsUnknown,
            Start = time.GetUtcNow() - time.GetElapsedTime(Start),
            ClientSocket = Descriptor.DuplicateOf(Socket!.SafeHandle),
        };
        Socket.Dispose();
        return taken;
    }
}
