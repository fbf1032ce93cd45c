using System.Net.Sockets;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Http;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Tls;

/// <summary>
/// The connections of one <c>tls</c> listener. They come in at the HTTP side, which looks at the hello; from there they go
/// to the relay, and come back only if nobody serves them.
/// </summary>
internal sealed class TlsCarrier : IKeepingCarrier
{
    public TlsCarrier(IRelayCarrier relay, HttpCarrier http)
    {
        (Relay, Http) = (relay, http);
        http.Relay = relay;
    }

    public IRelayCarrier Relay { get; }

    public HttpCarrier Http { get; }

    public void Accept(Socket listening) => Http.Accept(listening);

    public void StopAccepting(Socket listening) => Http.StopAccepting(listening);

    public void CloseDown() => Relay.CloseDown();

    public Task FinishAsync(CancellationToken now) => Http.FinishAsync(now);

    public async Task<IReadOnlyList<KeptConnection>> TakeOutAsync()
    {
        // Whoever has not said where to is taken out or goes on to the relay; whom that gives back is taken out here.
        await Http.StopForNextAsync();
        var relayed = Relay is IKeepingCarrier relay ? await relay.TakeOutAsync() : [];
        return [.. relayed, .. await Http.TakeOutAsync()];
    }

    /// <summary>Goes on with a relay; whoever waited shows the hello again, nothing of which was taken, and finds the way anew.</summary>
    public void Resume(KeptConnection connection, ListenerRules rules)
    {
        if (connection.Relay is null)
        {
            Http.Resume(connection, rules);
        }
        else
        {
            ((IKeepingCarrier)Relay).Resume(connection, rules);
        }
    }

    public async Task DrainAsync(CancellationToken now)
    {
        // Whoever came in and has not said where to goes on to the relay, whoever is not served there comes back: so
        // each door is closed once nobody can come through it any more.
        await Http.StopAsync();
        await Relay.DrainAsync(now);
        await Http.DrainAsync(now);
    }
}
