using System.Net.Sockets;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>What one loop has of one carrier: its entrances, and the bytes moved since the gate was last told. Touched by that loop alone.</summary>
internal sealed class CarrierShare(SpliceCarrier carrier)
{
    private long _toBackend;
    private long _toClient;

    public SpliceCarrier Carrier => carrier;

    public Gate Gate => carrier.Gate;

    /// <summary>The loop's duplicates of listening sockets, by the socket that the carrier was given.</summary>
    public List<Entrance> Entrances { get; } = [];

    /// <summary>Connections of the carrier in this loop.</summary>
    public int Connections { get; private set; }

    /// <summary>The carrier drains: nothing more comes in.</summary>
    public bool HasLeft { get; set; }

    public void Enter()
    {
        Connections++;
        carrier.Enter();
    }

    public void Exit()
    {
        Connections--;
        carrier.Exit();
    }

    public void Moved(long toBackend, long toClient)
    {
        _toBackend += toBackend;
        _toClient += toClient;
    }

    public void Tell()
    {
        if ((_toBackend | _toClient) != 0)
        {
            Gate.Relayed(_toBackend, _toClient);
            _toBackend = _toClient = 0;
        }
    }
}

/// <summary>A listening socket of a loop.</summary>
/// <param name="share">For whom.</param>
/// <param name="listening">Whose duplicate it is: only its identity counts.</param>
/// <param name="descriptor">The duplicate.</param>
/// <param name="tag">How events name it; never zero.</param>
internal sealed class Entrance(CarrierShare share, Socket listening, int descriptor, int tag)
{
    public CarrierShare Share => share;

    public Socket Listening => listening;

    public int Descriptor => descriptor;

    public int Tag => tag;

    /// <summary>Out of descriptors: not registered until the loop tries again.</summary>
    public bool IsPaused { get; set; }
}
