using System.Collections.Immutable;
using System.Net.Sockets;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Listeners;

/// <summary>The sockets of one address, and who accepts on them. They survive a reload that keeps the address, in whichever listener.</summary>
internal sealed class Bound(BindAddress address, ImmutableArray<Socket> sockets)
{
    private ICarrier? _carrier;

    public BindAddress Address => address;

    public ImmutableArray<Socket> Sockets => sockets;

    /// <summary>Who accepts; null before the first and after the last.</summary>
    public ICarrier? Carrier => _carrier;

    /// <summary>Lets another carrier accept; a connection that arrives meanwhile waits in the kernel.</summary>
    public void Give(ICarrier carrier)
    {
        if (_carrier != carrier)
        {
            Take();
            _carrier = carrier;
            foreach (var socket in sockets)
            {
                carrier.Accept(socket);
            }
        }
    }

    /// <summary>Nobody accepts any more, and the address is free; a passed socket stays open for whoever wants it next.</summary>
    public void Close()
    {
        Take();
        if (address.EndPoint is not null)
        {
            foreach (var socket in sockets)
            {
                socket.Dispose();
            }
        }
    }

    /// <summary>Nobody accepts any more; who connects waits in the kernel.</summary>
    public void Take()
    {
        foreach (var socket in sockets)
        {
            _carrier?.StopAccepting(socket);
        }

        _carrier = null;
    }
}
