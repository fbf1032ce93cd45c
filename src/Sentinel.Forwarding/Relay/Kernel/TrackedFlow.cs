using System.Net;

namespace Sentinel.Forwarding.Relay.Kernel;

/// <summary>One TCP connection whose destination was rewritten, as conntrack has it.</summary>
/// <param name="Client">Who came.</param>
/// <param name="To">Where the client went.</param>
/// <param name="Backend">Who answers.</param>
/// <param name="State">How far it is.</param>
internal readonly record struct TrackedFlow(IPEndPoint Client, IPEndPoint To, IPEndPoint Backend, TrackedState State)
{
    /// <summary>Whether data may still move.</summary>
    public bool IsOpen => State is not (TrackedState.None or TrackedState.TimeWait or TrackedState.Close);

    /// <summary>Whether the backend has not answered yet.</summary>
    public bool IsOpening => State is TrackedState.SynSent;
}

/// <summary>enum tcp_conntrack of linux/netfilter/nf_conntrack_tcp.h.</summary>
internal enum TrackedState : byte
{
    None,
    SynSent,
    SynReceived,
    Established,
    FinWait,
    CloseWait,
    LastAck,
    TimeWait,
    Close,
    SynSent2,
}
