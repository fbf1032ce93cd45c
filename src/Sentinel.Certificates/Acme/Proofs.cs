using Microsoft.Extensions.Logging;

namespace Sentinel.Certificates.Acme;

/// <summary>Shows what proves that a name is ours, where the authority will look.</summary>
internal sealed class Proofs(ChallengeBoard board, ILogger logger)
{
    /// <summary>What ACME and the configuration call a kind of challenge.</summary>
    public static string WordOf(ChallengeKind kind) => kind switch
    {
        ChallengeKind.Http01 => "http-01",
        ChallengeKind.TlsAlpn01 => "tls-alpn-01",
        _ => "dns-01",
    };

    /// <summary>Shows it until disposed.</summary>
    /// <exception cref="AcmeException">It cannot be shown.</exception>
    public async Task<IAsyncDisposable> ShowAsync(
        AcmeSettings settings, string name, string token, string keyAuthorization, TimeProvider time, CancellationToken cancellationToken) => settings.Challenge switch
        {
            ChallengeKind.Http01 => new Shown(board.Answer(token, keyAuthorization)),
            ChallengeKind.TlsAlpn01 => new Shown(board.Answer(name, AlpnCertificate.Make(name, keyAuthorization, time.GetUtcNow()))),
            _ => await DnsProof.ShowAsync(settings, name, keyAuthorization, time, logger, cancellationToken).ConfigureAwait(false),
        };

    private sealed class Shown(IDisposable answer) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            answer.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
