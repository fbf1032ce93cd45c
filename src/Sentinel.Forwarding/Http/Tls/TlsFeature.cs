using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Sentinel.Forwarding.Http.Tls;

/// <summary>Tells Kestrel that a connection is encrypted, and which HTTP was agreed upon. Clients show no certificates.</summary>
internal sealed class TlsFeature(ReadOnlyMemory<byte> protocol) : ITlsConnectionFeature, ITlsApplicationProtocolFeature
{
    public bool IsHttp2 => protocol.Span.SequenceEqual(SslApplicationProtocol.Http2.Protocol.Span);

    public X509Certificate2? ClientCertificate { get; set; }

    public ReadOnlyMemory<byte> ApplicationProtocol => protocol;

    public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) => Task.FromResult<X509Certificate2?>(null);
}
