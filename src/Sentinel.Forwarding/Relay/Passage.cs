using System.Net.Sockets;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Forwarding.Routing;

namespace Sentinel.Forwarding.Relay;

/// <summary>A connection that was admitted and looked at elsewhere, and that a relay is to carry from its first byte on.</summary>
/// <param name="Rules">What it was admitted under.</param>
/// <param name="Caller">Who it is.</param>
/// <param name="Client">The relay's from now on, and with it the duty to report the end.</param>
/// <param name="Destination">Where it goes.</param>
/// <param name="Start">When it was admitted: a timestamp of the gate's clock.</param>
/// <param name="Unserved">
/// Called instead of ending it when nobody could serve it in time: the socket, whose every byte is still there, and both
/// duties are the callee's then. On the relay's own thread: returns at once, never throws.
/// </param>
internal sealed record Passage(ListenerRules Rules, Caller Caller, Socket Client, Destination Destination, long Start, Action<Socket> Unserved);

/// <summary>A carrier that also takes connections it did not accept.</summary>
internal interface IRelayCarrier : ICarrier
{
    /// <summary>Carries one. Returns at once, never throws.</summary>
    void Carry(Passage passage);
}
