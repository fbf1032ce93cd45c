using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sentinel.Backends.Daemons;

/// <summary>Asks the daemon on a VM. Whatever goes wrong is told in a sentence that may be shown.</summary>
public static class DaemonClient
{
    private const int LargestAnswer = 32 << 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    /// <summary>Sends one signed request.</summary>
    /// <param name="endpoint">Whom and how.</param>
    /// <param name="url">From <see cref="DaemonEndpoint.At"/>, or another path there.</param>
    /// <param name="content">What to post; null to get.</param>
    /// <param name="time">The clock that signatures are made by.</param>
    /// <param name="cancellationToken">Abandons it.</param>
    /// <returns>The answer's body, or why there is none.</returns>
    public static async Task<DaemonAnswer> AskAsync(DaemonEndpoint endpoint, Uri url, HttpContent? content, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            using var http = new HttpClient(Handler(endpoint.CaFile)) { Timeout = Patience, MaxResponseContentBufferSize = LargestAnswer };
            using var request = new HttpRequestMessage(content is null ? HttpMethod.Get : HttpMethod.Post, url) { Content = content };
            RequestSignature.Add(request, endpoint, time.GetUtcNow());
            using var response = await http.SendAsync(request, cancellationToken).ConfigureAwait(false);
            var body = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);

            // Reading what was answered may take long; the thread that learned of the socket has others to serve.
            await Task.Yield();
            return response.IsSuccessStatusCode ? new(body, null)
                : DaemonAnswer.Failed(response.StatusCode is HttpStatusCode.Unauthorized
                    ? $"{url} answered 401: it does not accept our signature; is the key the one it knows, and is the clock right on both?"
                    : $"{url} answered {(int)response.StatusCode}", response.StatusCode);
        }
        catch (Exception e) when (e is HttpRequestException or CryptographicException or IOException or UnauthorizedAccessException)
        {
            return DaemonAnswer.Failed($"{url}: {e.Message}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return DaemonAnswer.Failed($"{url} took longer than {Patience.TotalSeconds:0} s");
        }
    }

    private static SocketsHttpHandler Handler(string? caFile)
    {
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(5) };
        X509Certificate2Collection? pinned = null;
        if (caFile is not null)
        {
            // nobody else's word counts
            pinned = [];
            pinned.ImportFromPemFile(caFile);
        }

        handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = PeerTrust.Offline(pinned) };
        return handler;
    }
}

/// <summary>What came of asking.</summary>
/// <param name="Body">What it answered; null if it did not.</param>
/// <param name="Error">Why not, as a sentence without its end.</param>
public readonly record struct DaemonAnswer(byte[]? Body, string? Error)
{
    /// <summary>The status of an answer that was a refusal; null if there was no answer, or it was none.</summary>
    public HttpStatusCode? Refusal { get; init; }

    internal static DaemonAnswer Failed(string why, HttpStatusCode? refusal = null) => new(null, why) { Refusal = refusal };
}
