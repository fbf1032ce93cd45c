using Sentinel.Forwarding.Http.Transports;

namespace Sentinel.Forwarding.Http;

// When its HTTP is over, and another protocol goes on in which one side may end before the other.
internal sealed partial class ClientConnection
{
    /// <summary>From here on a client that says that it sends no more has not left.</summary>
    public void Switched() => ServedBy.OutliveInput();

    /// <summary>Tells the client that nothing more comes.</summary>
    /// <exception cref="ObjectDisposedException">It was closed here.</exception>
    public ValueTask EndSendingAsync() => ServedBy.EndSendingAsync();

    private ClientTransport ServedBy => _transport ?? throw new InvalidOperationException("It is not served.");
}
