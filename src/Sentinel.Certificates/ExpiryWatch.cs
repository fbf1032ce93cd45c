using Microsoft.Extensions.Logging;

namespace Sentinel.Certificates;

/// <summary>Warns of each certificate that ends soon: at 14 days and at 3, once each. For one thread at a time.</summary>
internal sealed class ExpiryWatch(Action<CertificateAlert> alert, ILogger logger)
{
    private static readonly int[] Days = [3, 14];

    private readonly Dictionary<string, (HeldCertificate Certificate, int Told)> _told = [];

    public void Look(IEnumerable<HeldCertificate> certificates, DateTimeOffset now)
    {
        foreach (var certificate in certificates)
        {
            // One whose whole life is short is renewed within it, and its last days are all it has.
            var left = certificate.NotAfter - now;
            var near = Array.Find(Days, days => left <= TimeSpan.FromDays(days) && certificate.NotAfter - certificate.NotBefore > TimeSpan.FromDays(days * 2));
            var told = _told.TryGetValue(certificate.Slot, out var last) && ReferenceEquals(last.Certificate, certificate) ? last.Told : int.MaxValue;
            if (near != 0 && near < told)
            {
                _told[certificate.Slot] = (certificate, near);
                Log.Expiring(logger, certificate.Names.ToString(), certificate.NotAfter, (int)Math.Floor(left.TotalDays));
                alert(new(now, "expiring", $"the certificate for {certificate.Names} ends at {certificate.NotAfter:yyyy-MM-dd HH:mm}Z"));
            }
        }
    }
}
