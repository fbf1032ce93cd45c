using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Cli;

/// <summary>What <c>sentinel certificates</c> shows to people.</summary>
internal static class CertificateLines
{
    /// <param name="now">To tell how long is left.</param>
    /// <param name="width">Columns of the terminal.</param>
    public static IEnumerable<string> Of(IReadOnlyList<CertificateDocument> certificates, IReadOnlyList<CertificateSyncDocument> sync, DateTimeOffset now, int width)
    {
        foreach (var place in sync.Where(place => place.LastError is not null))
        {
            yield return $"{place.From}: {place.LastError}";
        }

        if (certificates.Count == 0)
        {
            yield return "No certificate is held and none is ordered: https shows one that is signed by nobody. See: certificates in the configuration";
            yield break;
        }

        var table = new TextTable().With("NAMES", givesWay: true).With("SOURCE", givesWay: true).With("UNTIL").With("LEFT", isNumber: true).With("NEXT TRY");
        foreach (var certificate in certificates)
        {
            table.Add(
                string.Join(", ", certificate.Names),
                certificate.Source,
                certificate.NotAfter is { } end ? Moment(end) : "none yet",
                certificate.NotAfter is not { } notAfter ? "-" : notAfter <= now ? "expired" : Spoken.Duration(notAfter - now),
                certificate.RenewAt is not { } next ? "-" : next <= now ? "now" : Moment(next));
        }

        var lines = table.Lines(width).ToList();
        yield return lines[0];
        for (var i = 0; i < certificates.Count; i++)
        {
            yield return lines[i + 1];
            if (certificates[i].LastError is { } error)
            {
                // Whole: what an authority says is what one needs to put it right.
                yield return $"  {error}";
            }
        }
    }

    private static string Moment(DateTimeOffset at) => $"{at.UtcDateTime:yyyy-MM-dd HH:mm}Z";
}
