using System.Net;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Routing;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>Where a connection stands.</summary>
internal enum SlotState : byte
{
    Free,

    /// <summary>Has not shown its PROXY header yet.</summary>
    Prefacing,

    /// <summary>Has not shown its TLS hello yet.</summary>
    Greeting,

    /// <summary>Waits in the waiting room.</summary>
    Held,

    /// <summary>A backend's name is being looked up.</summary>
    Resolving,

    /// <summary>Connecting to a backend.</summary>
    Dialling,

    /// <summary>Relaying.</summary>
    Open,
}

/// <summary>What is known of a socket since its last event. Cleared when a call finds otherwise.</summary>
[Flags]
internal enum Readiness : byte
{
    None = 0,

    /// <summary>A read may find something.</summary>
    Readable = 1,

    /// <summary>A write may be taken.</summary>
    Writable = 2,

    /// <summary>The peer's FIN has arrived; what it sent before is all here.</summary>
    Ending = 4,

    /// <summary>Reset, timed out or unreachable.</summary>
    Broken = 8,

    /// <summary>Urgent data came: a short read may have stopped at its mark and proves nothing.</summary>
    Urgent = 16,
}

/// <summary>One connection: no object of its own, so that an idle one costs little more than this.</summary>
internal struct Slot
{
    public Flow Up;
    public Flow Down;

    /// <summary>What it was admitted under, and who answers for it.</summary>
    public ListenerRules Rules;
    public CarrierShare Share;

    /// <summary>The backend that is dialled or was reached.</summary>
    public Backend? Backend;
    public Attempts Attempts;

    /// <summary>Where its hello wants it to go; null: no hello was looked at.</summary>
    public Destination? Route;

    /// <summary>Further addresses of a backend that is configured by name; null if there are none.</summary>
    public Queue<SocketName>? MoreNames;

    /// <summary>Its place in the waiting room, while it has one.</summary>
    public SpliceWaiter? Waiter;

    /// <summary>When it was admitted, and when the dial under way began: timestamps of the gate's clock.</summary>
    public long Start;
    public long Dialled;

    /// <summary>When bytes last moved, and when its deadline comes, in ticks of the wheel.</summary>
    public long LastMoved;
    public long Due;

    /// <summary>The client's address and port; a proxy's until its header has come.</summary>
    public SocketName Client;

    /// <summary>What the client connected to, if a proxy's header has said so.</summary>
    public IPEndPoint? Reached;

    public int ClientSocket;
    public int UpstreamSocket;
    public int TimerNext;
    public int TimerPrevious;
    public short TimerBucket;

    public SlotState State;
    public Readiness ClientReady;
    public Readiness UpstreamReady;

    /// <summary>Grows with each use of the slot, so that news for an earlier use is recognised.</summary>
    public uint Generation;

    /// <summary>What the loop wants to hear of the client's socket; zero: it is not registered yet.</summary>
    public uint ClientWatch;

    /// <summary>Stands in the loop's queue of connections that had more to do than one turn allows.</summary>
    public bool IsQueued;

    /// <summary>Bytes were sent since its sockets were last reviewed, see <see cref="DeadPeer"/>.</summary>
    public bool IsUnreviewed;

    /// <summary>Until it is dialled: bytes that were looked at to find out where it wants to go, again and again as more came.</summary>
    public long Looked
    {
        readonly get => Dialled;
        set => Dialled = value;
    }

    /// <summary>Where it goes.</summary>
    public readonly Destination Destination => Route ?? Rules.Destination;

    // Two marks in one byte: one more byte would cost eight.
    private byte _marks;

    /// <summary>The upstream socket has its options against peers that vanish.</summary>
    public bool IsKeptAlive
    {
        readonly get => (_marks & 1) != 0;
        set => _marks = (byte)(value ? _marks | 1 : _marks & ~1);
    }

    /// <summary>It ends when its backend is declared down.</summary>
    public bool ClosesOnDown
    {
        readonly get => (_marks & 2) != 0;
        set => _marks = (byte)(value ? _marks | 2 : _marks & ~2);
    }
}
