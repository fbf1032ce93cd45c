using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sentinel.Backends.Daemons;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Http.Upstreams;

/// <summary>How TLS is spoken to backends, its authorities read. Immutable; two that would do the same are equal, and share connections.</summary>
internal sealed class UpstreamTls : IEquatable<UpstreamTls>
{
    private readonly UpstreamTlsSettings _settings;
    private readonly X509Certificate2Collection _authorities;

    private UpstreamTls(UpstreamTlsSettings settings, X509Certificate2Collection authorities) => (_settings, _authorities) = (settings, authorities);

    /// <returns>Null and what is wrong, in a sentence that names the file.</returns>
    public static async Task<(UpstreamTls? Tls, string? Error)> ReadAsync(UpstreamTlsSettings settings, CancellationToken cancellationToken)
    {
        var authorities = new X509Certificate2Collection();
        if (settings.CaFile is { } file)
        {
            try
            {
                authorities.ImportFromPem(await File.ReadAllTextAsync(file, cancellationToken));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
            {
                return (null, $"the authorities of upstreamTls, {file}, cannot be read: {e.Message}");
            }

            if (authorities.Count == 0)
            {
                return (null, $"the authorities of upstreamTls, {file}, have no certificate among them; it must be in PEM");
            }
        }

        return (new(settings, authorities), null);
    }

    /// <summary>For one handshake.</summary>
    /// <param name="host">The backend's address: its certificate must be for it, unless another name is configured.</param>
    /// <param name="protocol">The version of HTTP that will be spoken.</param>
    public SslClientAuthenticationOptions Options(string host, SslApplicationProtocol protocol)
    {
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = _settings.ServerName ?? host,
            ApplicationProtocols = [protocol],
            CertificateChainPolicy = PeerTrust.Offline(_authorities.Count > 0 ? _authorities : null),

            // what was agreed upon aside is not agreed upon again on a loop
            AllowRenegotiation = false,
        };
        if (!_settings.Verify)
        {
            // The administrator wrote "verify": false, and means a network that he trusts.
            options.RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is not null;
        }

        return options;
    }

    public bool Equals(UpstreamTls? other) =>
        other is not null && other._settings == _settings
        && other._authorities.Select(authority => authority.Thumbprint).SequenceEqual(_authorities.Select(authority => authority.Thumbprint));

    public override bool Equals(object? obj) => Equals(obj as UpstreamTls);

    public override int GetHashCode() => _settings.GetHashCode();
}
