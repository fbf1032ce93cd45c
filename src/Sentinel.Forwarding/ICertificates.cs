using System.Net.Security;

namespace Sentinel.Forwarding;

/// <summary>
/// The certificates that listeners show, and what they answer while an ACME server validates a name. Asked for each
/// handshake or request, so that a new certificate is shown without a restart: implementations answer at once, from
/// memory, and are thread-safe.
/// </summary>
public interface ICertificates
{
    /// <summary>
    /// The best certificate for a name: exact, then wildcard, else one that at least encrypts. As long as a certificate
    /// stays the same, so must the object: the keys of session tickets belong to it, and clients resume by them.
    /// </summary>
    /// <param name="serverName">Lower case, no final dot; null if the client named none.</param>
    /// <param name="takesEcdsa">Whether the client verifies signatures of elliptic curves, which are preferred then.</param>
    /// <returns>Null if there is none at all; the handshake fails then.</returns>
    SslStreamCertificateContext? Find(string? serverName, bool takesEcdsa);

    /// <summary>The certificate that answers a TLS-ALPN-01 challenge (RFC 8737 §3), while one is pending for the name.</summary>
    /// <param name="serverName">As for <see cref="Find"/>.</param>
    SslStreamCertificateContext? FindChallenge(string? serverName);

    /// <summary>The key authorization that answers an HTTP-01 challenge (RFC 8555 §8.3), while one is pending.</summary>
    /// <param name="token">The last segment of the path below <c>/.well-known/acme-challenge/</c>.</param>
    string? FindKeyAuthorization(string token);
}
