using System.Net.Security;
using System.Runtime.CompilerServices;

namespace Sentinel.Forwarding.Http.Tls.OpenSsl;

/// <summary>The contexts of certificates, as long as those live. Thread-safe.</summary>
internal sealed class TlsContexts
{
    private readonly ConditionalWeakTable<SslStreamCertificateContext, Pair> _pairs = [];

    /// <returns>Null if OpenSSL is not there, or does not take the certificate.</returns>
    public TlsContext? Find(SslStreamCertificateContext certificate, bool http2)
    {
        if (!Libssl.IsThere)
        {
            return null;
        }

        var pair = _pairs.GetValue(certificate, static certificate => new(certificate));
        return (http2 ? pair.Http2 : pair.Http1).Value;
    }

    // What fails is tried again.
    private sealed class Pair(SslStreamCertificateContext certificate)
    {
        public Lazy<TlsContext?> Http1 { get; } = new(() => TlsContext.TryCreate(certificate, http2: false), LazyThreadSafetyMode.PublicationOnly);

        public Lazy<TlsContext?> Http2 { get; } = new(() => TlsContext.TryCreate(certificate, http2: true), LazyThreadSafetyMode.PublicationOnly);
    }
}
