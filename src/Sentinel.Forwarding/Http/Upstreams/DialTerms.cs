using System.Net.Sockets;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http.Upstreams;

/// <summary>Under what a connection is opened: the listener's patience, and where the attempt is counted. Travels with the request that asks for it.</summary>
internal sealed record DialTerms(Gate Gate, PoolId Pool, TimeSpan Timeout)
{
    private static readonly HttpRequestOptionsKey<DialTerms> Key = new("sentinel.dial");

    public void AttachTo(HttpRequestMessage request) => request.Options.Set(Key, this);

    /// <summary>Opens a connection for a handler's pool.</summary>
    /// <exception cref="DialFailure">It could not be opened.</exception>
    public static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        context.InitialRequestMessage.Options.TryGetValue(Key, out var terms);
        var (gate, pool, timeout) = terms!;
        var start = gate.Time.GetTimestamp();
        var (socket, outcome) = await new Dialler(gate.Time).DialAsync(context.DnsEndPoint.Host, context.DnsEndPoint.Port, timeout, cancellationToken);
        gate.Dialled(pool, outcome, start);
        return socket is null ? throw new DialFailure(outcome) : new NetworkStream(socket, ownsSocket: true);
    }
}
