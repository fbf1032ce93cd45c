using Sentinel.Forwarding.Http;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Tls;

/// <summary>
/// Passes TLS through by the name in its hello, and answers it itself while nobody serves: a relay and the HTTP engine
/// put together. Both are owned elsewhere.
/// </summary>
internal sealed class TlsEngine(IEngine relay, HttpEngine http) : IEngine
{
    public string Name => relay.Name;

    public async ValueTask<Opening> OpenAsync(Gate gate, ListenerRules rules, ICarrier? current, CancellationToken cancellationToken)
    {
        var before = current as TlsCarrier;
        var opening = await relay.OpenAsync(gate, rules, before?.Relay, cancellationToken);
        if (opening.Carrier is not IRelayCarrier through)
        {
            return opening;
        }

        opening = await http.OpenAsync(gate, rules, before?.Http, cancellationToken);
        if (opening.Carrier is not HttpCarrier answers)
        {
            if (before is null)
            {
                _ = through.DrainAsync(new CancellationToken(canceled: true));
            }

            return opening;
        }

        return Opening.Of(before ?? new TlsCarrier(through, answers));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
