using System.Net;
using System.Net.Sockets;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Prefaces;

/// <summary>Who a connection comes from: as its socket says and, if that is a proxy's, as the PROXY header at its start says.</summary>
/// <param name="socket">What it connected to is asked of it, if a backend is told; null: no backend will be.</param>
/// <param name="isProxy">It must begin with a header; until <see cref="IntroduceAsync"/> has read it, the connection is the proxy's.</param>
/// <param name="reached">What the client connected to, if a header has said so before.</param>
internal sealed class Caller(ListenerRules rules, Socket? socket, IPEndPoint endPoint, ClientAddress client, bool isProxy, IPEndPoint? reached = null)
{
    private IPEndPoint? _reached = reached;

    /// <summary>The client, for the log and for whom the connection goes to.</summary>
    public IPEndPoint EndPoint { get; private set; } = endPoint;

    /// <summary>The client, for limits and picking.</summary>
    public ClientAddress Client { get; private set; } = client;

    /// <summary>Whether it must still say who it is.</summary>
    public bool IsUnknown { get; private set; } = isProxy;

    /// <summary>As whom the gate counts it; null while that is nobody.</summary>
    public ClientAddress? Counted => IsUnknown ? null : Client;

    /// <summary>What the client connected to, if a proxy has said so.</summary>
    public IPEndPoint? Reached => _reached;

    /// <summary>What a backend is told of it.</summary>
    public ProxyHeader Header => new(EndPoint, _reached ?? socket?.LocalEndPoint as IPEndPoint);

    /// <summary>Reads the header, if there must be one.</summary>
    /// <param name="from">The connection.</param>
    /// <returns>Null to go on; else why the connection ends.</returns>
    /// <exception cref="OperationCanceledException">It took too long, or is not wanted any more.</exception>
    public async ValueTask<ConnectionEnd?> IntroduceAsync(IReceiver from, CancellationToken cancellationToken)
    {
        if (!IsUnknown)
        {
            return null;
        }

        try
        {
            var (verdict, header) = await ProxyHeaderReader.ReadAsync(from, cancellationToken).ConfigureAwait(false);
            return verdict switch
            {
                ProxyHeaderVerdict.Complete => Identify(header),
                ProxyHeaderVerdict.Incomplete => ConnectionEnd.ClientLeft,
                _ => ConnectionEnd.BadPreface,
            };
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            return ConnectionEnd.ClientLeft;
        }
    }

    private ConnectionEnd? Identify(ProxyHeader header)
    {
        if (header.Source is { } source)
        {
            (EndPoint, Client, _reached) = (source, ClientAddress.Of(source.Address), header.Destination);
        }

        IsUnknown = !rules.Gate.Identify(rules, Client);
        return IsUnknown ? ConnectionEnd.ClientFull : null;
    }
}
