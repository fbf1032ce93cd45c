using System.Net.Sockets;
using Sentinel.Forwarding.Http;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Tls;

/// <summary>
/// The connections of one <c>tls</c> listener. They come in at the HTTP side, which looks at the hello; from there they go
/// to the relay, and come back only if nobody serves them.
/// </summary>
internal sealed class TlsCarrier : ICarrier
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

    public async Task DrainAsync(CancellationToken now)
    {
        // Whoever came in and has not said where to goes on to the relay, whoever is not served there comes back: so
        // each door is closed once nobody can come through it any more.
        await Http.StopAsync();
        await Relay.DrainAsync(now);
        await Http.DrainAsync(now);
    }
}
