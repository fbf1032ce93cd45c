using System.Net.Sockets;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Http;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Tls;

/// <summary>The connections of one <c>tls</c> listener. They are the relay's, which looks at the hello; the HTTP side gets those that nobody serves.</summary>
internal sealed class TlsCarrier : IKeepingCarrier
{
    public TlsCarrier(IRelayCarrier relay, HttpCarrier http)
    {
        (Relay, Http) = (relay, http);
        relay.Answerer = http;
    }

    public IRelayCarrier Relay { get; }

    public HttpCarrier Http { get; }

    public void Accept(Socket listening) => Relay.Accept(listening);

    public void StopAccepting(Socket listening) => Relay.StopAccepting(listening);

    public void CloseDown() => Relay.CloseDown();

    public Task FinishAsync(CancellationToken now) => Http.FinishAsync(now);

    public async Task<IReadOnlyList<KeptConnection>> TakeOutAsync()
    {
        // Whom the relay gives away meanwhile is taken out here.
        Http.Leave();
        return [.. await Relay.TakeOutAsync(), .. await Http.TakeOutAsync()];
    }

    /// <summary>Goes on with a relay; whoever waited shows the hello again, nothing of which was taken, and finds the way anew.</summary>
    public void Resume(KeptConnection connection, ListenerRules rules) => Relay.Resume(connection, rules);

    public async Task DrainAsync(CancellationToken now)
    {
        // Whom the relay does not serve comes to the HTTP side: that door is closed once nobody can come through it any more.
        await Http.StopAsync();
        await Relay.DrainAsync(now);
        await Http.DrainAsync(now);
    }
}
