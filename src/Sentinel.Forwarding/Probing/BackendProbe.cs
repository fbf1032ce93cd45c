using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Probing;

/// <summary>
/// Connects to backends the way listeners would and says what it found. Above all it finds the disaster that makes no
/// error anywhere: a backend that does not expect the PROXY header it gets, or waits for one that never comes.
/// It asks in HTTP (a GET) and TLS where a backend does not speak first, and sends nothing else.
/// </summary>
/// <param name="time">Measures patience.</param>
/// <param name="patience">How long to wait for answers.</param>
public sealed class BackendProbe(TimeProvider time, ProbePatience patience)
{
    private const int MostAtOnce = 16;

    /// <summary>Tries every way of every listener.</summary>
    /// <param name="listeners">The listeners.</param>
    /// <param name="pools">The pools they name.</param>
    /// <param name="addressOf">Where a backend answers now; null if nobody knows.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Findings in the order of the listeners, their routes first. What is wrong is a value.</returns>
    public async Task<IReadOnlyList<ProbeFinding>> RunAsync(
        IReadOnlyList<ListenerSettings> listeners, IReadOnlyList<PoolDefinition> pools, Func<BackendId, string?> addressOf, CancellationToken cancellationToken)
    {
        using var places = new SemaphoreSlim(MostAtOnce);
        return await Task.WhenAll(listeners.SelectMany(listener => Way.Of(listener, pools, addressOf)).Select(async way =>
        {
            await places.WaitAsync(cancellationToken);
            try
            {
                return await TryAsync(way, cancellationToken);
            }
            finally
            {
                places.Release();
            }
        }));
    }

    private async Task<ProbeFinding> TryAsync(Way way, CancellationToken cancellationToken)
    {
        if (way.Address is null)
        {
            return new(way.Listener.Name, way.Backend, way.Place, ProbeVerdict.NotTried, "its address is its instance's, which only a running daemon knows");
        }

        var knock = new Knock(way, time, patience);
        Trial trial = way.Listener.Protocol switch
        {
            ListenerProtocol.Tcp => new RelayTrial(knock),
            ListenerProtocol.Tls => new TlsTrial(knock),
            _ => new ProxyTrial(knock),
        };
        return await trial.RunAsync(cancellationToken);
    }
}
