using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Sentinel.Forwarding.Http.Tls;

/// <summary>Tells Kestrel that a connection is encrypted, and which HTTP was agreed upon. Clients show no certificates.</summary>
internal sealed class TlsFeature(SslStream tls) : ITlsConnectionFeature, ITlsApplicationProtocolFeature
{
    public bool IsHttp2 => tls.NegotiatedApplicationProtocol == SslApplicationProtocol.Http2;

    public X509Certificate2? ClientCertificate { get; set; }

    public ReadOnlyMemory<byte> ApplicationProtocol => tls.NegotiatedApplicationProtocol.Protocol;

    /// <summary>Says that nothing more comes.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="InvalidOperationException">The connection was ended.</exception>
    public Task EndSendingAsync() => tls.ShutdownAsync();

    public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) => Task.FromResult<X509Certificate2?>(null);
}
