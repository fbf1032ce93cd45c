using System.Net.Security;
using System.Net.Sockets;
using Sentinel.Backends.Daemons;

namespace Sentinel.Recovery.Watching.Probes;

/// <summary>A TLS handshake completes. Whose certificate it is does not matter here: nothing is sent over the connection.</summary>
internal sealed class TlsProbe(int port) : IProbe
{
    public async Task<string?> CheckAsync(string host, CancellationToken cancellationToken)
    {
        using var socket = await TcpProbe.ConnectAsync(host, port, cancellationToken).ConfigureAwait(false);
        var stream = new NetworkStream(socket, ownsSocket: false);
        await using var tls = new SslStream(stream, leaveInnerStreamOpen: false);
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = host,
                CertificateChainPolicy = PeerTrust.Offline(),
#pragma warning disable CA5359 // a check that the port speaks TLS, not a connection to trust
                RemoteCertificateValidationCallback = static (_, _, _, _) => true,
#pragma warning restore CA5359
            },
            cancellationToken).ConfigureAwait(false);
        return null;
    }
}
