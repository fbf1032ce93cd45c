using System.Net;
using System.Net.Sockets;
using Sentinel.Backends;

namespace Sentinel.Forwarding.Listeners;

/// <summary>Takes what an <see cref="AcceptLoop"/> let in.</summary>
internal interface IAcceptSink
{
    /// <summary>
    /// The socket is the sink's now, and so is the duty to report its end to <c>rules.Gate</c> exactly once. Called in
    /// the accept loop: return at once, never throw.
    /// </summary>
    void Take(Socket socket, IPEndPoint endPoint, ClientAddress client, ListenerRules rules);
}
