using System.Net.Sockets;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;

namespace Sentinel.Forwarding.Relay;

/// <summary>Whoever answers the clients of a <c>tls</c> listener that its relay cannot serve.</summary>
internal interface IAnswerer
{
    /// <summary>Whether it answers this client itself, even while a backend serves.</summary>
    bool Wants(ClientHello hello);

    /// <summary>
    /// Takes over a client whom nobody serves, or who does not speak TLS. Of its socket nothing was read but a PROXY header;
    /// the socket and the duty to report its end are the callee's. On a relay's own thread: returns at once, never throws.
    /// </summary>
    /// <param name="start">When it was admitted: a timestamp of the gate's clock.</param>
    void Answer(ListenerRules rules, Caller caller, Socket socket, long start);
}

/// <summary>A carrier that can look at hellos.</summary>
internal interface IRelayCarrier : IKeepingCarrier
{
    /// <summary>Set before the first <see cref="ICarrier.Accept"/>: clients are routed by the name in their hello, and there is somebody to answer for who does not serve. Null: to the listener's own pool, unseen.</summary>
    IAnswerer? Answerer { get; set; }
}
