using System.Net.Sockets;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http.Upstreams;

/// <summary>Under what a connection is opened: the listener's patience, and where the attempt is counted. Travels with the request that asks for it.</summary>
internal sealed record DialTerms(Gate Gate, PoolId Pool, TimeSpan Timeout)
{
    private static readonly HttpRequestOptionsKey<DialTerms> Key = new(nameof(DialTerms));

    public static DialTerms Of(HttpRequestMessage request) =>
        request.Options.TryGetValue(Key, out var terms) ? terms : throw new InvalidOperationException("A request without dial terms.");

    public void AttachTo(HttpRequestMessage request) => request.Options.Set(Key, this);

    /// <exception cref="DialFailure">It could not be opened.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async ValueTask<Socket> DialAsync(string host, int port, CancellationToken cancellationToken)
    {
        var start = Gate.Time.GetTimestamp();
        var (socket, outcome) = await new Dialler(Gate.Time).DialAsync(host, port, Timeout, cancellationToken);
        Gate.Dialled(Pool, outcome, start);
        return socket ?? throw new DialFailure(outcome);
    }
}
