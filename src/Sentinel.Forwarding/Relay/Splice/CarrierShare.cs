using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>What one loop has of one carrier. Touched by that loop alone.</summary>
internal sealed class CarrierShare(SpliceCarrier carrier)
{
    private long _toBackend;
    private long _toClient;

    public Gate Gate => carrier.Gate;

    /// <summary>Answers whom nobody serves; null: there is nobody, and no hello is looked at.</summary>
    public IAnswerer? Answerer => carrier.Answerer;

    /// <summary>Connections of the carrier in this loop.</summary>
    public int Connections { get; private set; }

    /// <summary>The carrier drains: nothing more comes in.</summary>
    public bool HasLeft { get; private set; }

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

    /// <summary>Nothing more comes in here.</summary>
    public void Leave()
    {
        HasLeft = true;
        carrier.Exit();
    }

    /// <summary>Bytes were passed on.</summary>
    public void Moved(long toBackend, long toClient)
    {
        _toBackend += toBackend;
        _toClient += toClient;
    }

    /// <summary>Tells the gate of them: a few times a second and not for each.</summary>
    public void Tell()
    {
        if ((_toBackend | _toClient) != 0)
        {
            Gate.Relayed(_toBackend, _toClient);
            _toBackend = _toClient = 0;
        }
    }
}
