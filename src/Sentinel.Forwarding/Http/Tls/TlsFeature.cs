using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Sentinel.Forwarding.Http.Tls;

/// <summary>Tells Kestrel that a connection is encrypted, and which HTTP was agreed upon. Clients show no certificates.</summary>
/// <param name="protocol">What was agreed upon; default: nothing.</param>
/// <param name="endSending">Says that nothing more comes.</param>
internal sealed class TlsFeature(SslApplicationProtocol protocol, Func<Task> endSending) : ITlsConnectionFeature, ITlsApplicationProtocolFeature
{
    public bool IsHttp2 => protocol == SslApplicationProtocol.Http2;

    public X509Certificate2? ClientCertificate { get; set; }

    public ReadOnlyMemory<byte> ApplicationProtocol => protocol.Protocol;

    /// <summary>Says that nothing more comes.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="InvalidOperationException">The connection was ended.</exception>
    public Task EndSendingAsync() => endSending();

    public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) => Task.FromResult<X509Certificate2?>(null);
}
