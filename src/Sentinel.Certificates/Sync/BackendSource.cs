using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Sentinel.Certificates.Sync;

/// <summary>Fetches the certificates of a VM from its daemon.</summary>
internal static class BackendSource
{
    private const int LargestAnswer = 32 << 20;
    private const int MostCertificates = 1000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    /// <param name="address">Of the VM, now.</param>
    public static async Task<SyncOutcome> FetchAsync(SyncSettings settings, string address, TimeProvider time, CancellationToken cancellationToken)
    {
        var host = IPAddress.TryParse(address, out var ip) && ip.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{address}]" : address;
        var url = new Uri(settings.Url!.Replace("{address}", host, StringComparison.Ordinal));
        try
        {
            using var http = new HttpClient(Handler(settings.CaFile)) { Timeout = Patience, MaxResponseContentBufferSize = LargestAnswer };
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            RequestSignature.Add(request, settings, time.GetUtcNow());
            using var response = await http.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                return SyncOutcome.Failed(response.StatusCode is HttpStatusCode.Unauthorized
                    ? $"{url} answered 401: it does not accept our signature; is the key the one it knows, and is the clock right on both?"
                    : $"{url} answered {(int)response.StatusCode}");
            }

            var body = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
            return Read(JsonSerializer.Deserialize(body, SyncJson.Default.CertsDocument), url, new(CertificateOrigin.Backend, settings.Backend!.Value.Name));
        }
        catch (JsonException)
        {
            return SyncOutcome.Failed($"{url} answered what is no list of certificates");
        }
        catch (Exception e) when (e is HttpRequestException or CryptographicException or IOException or UnauthorizedAccessException)
        {
            return SyncOutcome.Failed($"{url}: {e.Message}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return SyncOutcome.Failed($"{url} took longer than {Patience.TotalSeconds:0} s");
        }
    }

    private static SyncOutcome Read(CertsDocument? document, Uri url, CertificateSource source)
    {
        if (document?.Certs is not { } given)
        {
            return SyncOutcome.Failed($"{url} answered what is no list of certificates");
        }

        if (given.Count == 0)
        {
            // A daemon that has just started may not have read its own yet.
            return SyncOutcome.Failed($"{url} gave no certificates");
        }

        if (given.Count > MostCertificates)
        {
            return SyncOutcome.Failed($"{url} gave {given.Count} certificates, more than {MostCertificates}");
        }

        var (good, bad) = (new List<HeldCertificate>(), new List<string>());
        foreach (var (domain, chain, key) in given.Where(one => one is not null))
        {
            if (HeldCertificate.TryRead(chain ?? "", key ?? "", source, out var why) is { } certificate)
            {
                good.Add(certificate);
            }
            else
            {
                bad.Add($"{Printable(domain)}: {why}");
            }
        }

        return new(good, bad.Count == 0 ? null : $"{url} gave {bad.Count} that cannot be used, such as {bad[0]}");
    }

    private static SocketsHttpHandler Handler(string? caFile)
    {
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(5) };
        if (caFile is not null)
        {
            // Pinned: nobody else's word counts.
            var roots = new X509Certificate2Collection();
            roots.ImportFromPemFile(caFile);
            handler.SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.None,
                CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck },
            };
            handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(roots);
        }

        return handler;
    }

    private static string Printable(string? domain) => string.Concat((domain ?? "one without a name").Where(c => c is > ' ' and <= '~').Take(253));
}
