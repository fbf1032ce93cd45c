using System.Text.Json;
using Sentinel.Backends.Daemons;

namespace Sentinel.Certificates.Sync;

/// <summary>Fetches the certificates of a VM from its daemon.</summary>
internal static class BackendSource
{
    private const int MostCertificates = 1000;

    /// <param name="address">Of the VM, now.</param>
    public static async Task<SyncOutcome> FetchAsync(SyncSettings settings, string address, TimeProvider time, CancellationToken cancellationToken)
    {
        var endpoint = settings.Endpoint!;
        var url = endpoint.At(address);
        var (body, error) = await DaemonClient.AskAsync(endpoint, url, content: null, time, cancellationToken).ConfigureAwait(false);
        if (body is null)
        {
            return SyncOutcome.Failed(error!);
        }

        try
        {
            return Read(JsonSerializer.Deserialize(body, SyncJson.Default.CertsDocument), url, new(CertificateOrigin.Backend, settings.Backend!.Value.Name));
        }
        catch (JsonException)
        {
            return SyncOutcome.Failed($"{url} answered what is no list of certificates");
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

    private static string Printable(string? domain) => string.Concat((domain ?? "one without a name").Where(c => c is > ' ' and <= '~').Take(253));
}
