using System.Collections.Concurrent;
using System.Net.Security;

namespace Sentinel.Certificates;

/// <summary>What is answered while an authority validates a name: written by orders, read by listeners. Thread-safe.</summary>
internal sealed class ChallengeBoard
{
    private readonly ConcurrentDictionary<string, string> _authorizations = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, SslStreamCertificateContext> _certificates = new(StringComparer.Ordinal);

    public string? FindKeyAuthorization(string token) => _authorizations.GetValueOrDefault(token);

    public SslStreamCertificateContext? FindCertificate(string? serverName) => serverName is null ? null : _certificates.GetValueOrDefault(serverName);

    /// <summary>Answers HTTP-01 until disposed.</summary>
    public IDisposable Answer(string token, string keyAuthorization)
    {
        _authorizations[token] = keyAuthorization;
        return new Ending(() => _authorizations.TryRemove(token, out _));
    }

    /// <summary>Answers TLS-ALPN-01 until disposed.</summary>
    public IDisposable Answer(string serverName, SslStreamCertificateContext certificate)
    {
        _certificates[serverName] = certificate;
        return new Ending(() => _certificates.TryRemove(new(serverName, certificate)));
    }

    private sealed class Ending(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
