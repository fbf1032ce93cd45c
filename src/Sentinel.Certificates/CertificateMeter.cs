using System.Diagnostics.Metrics;

namespace Sentinel.Certificates;

/// <summary>The figures of this room. Names come from the configuration and from our own VMs, never from clients.</summary>
internal sealed class CertificateMeter : IDisposable
{
    private readonly Meter _meter = new("Sentinel.Certificates");
    private readonly Counter<long> _renewals;
    private readonly Counter<long> _syncFailures;

    public CertificateMeter(Func<IEnumerable<HeldCertificate>> held)
    {
        _meter.CreateObservableGauge(
            "sentinel.certificate.expiry.timestamp",
            () => held().GroupBy(certificate => (certificate.Names[0], certificate.Source.Word)).Select(group => new Measurement<long>(
                group.Max(certificate => certificate.NotAfter).ToUnixTimeSeconds(), new("name", group.Key.Item1), new("source", group.Key.Word))),
            "s",
            "When certificates end, in seconds since 1970.");
        _renewals = _meter.CreateCounter<long>("sentinel.certificate.renewals", description: "Tries to obtain a certificate, by outcome.");
        _syncFailures = _meter.CreateCounter<long>("sentinel.sync.failures", description: "Fetches that failed in whole or in part, by what was fetched and from whom.");
        _renewals.Add(0, new KeyValuePair<string, object?>("outcome", "renewed"));
        _renewals.Add(0, new KeyValuePair<string, object?>("outcome", "failed"));
    }

    public void CountSyncFailure(SyncSettings place) => _syncFailures.Add(
        1, new KeyValuePair<string, object?>("kind", place.Backend is null ? "directory" : "certificates"), new KeyValuePair<string, object?>("backend", place.Backend?.Name ?? ""));

    public void CountRenewal(bool renewed) => _renewals.Add(1, new KeyValuePair<string, object?>("outcome", renewed ? "renewed" : "failed"));

    public void Dispose() => _meter.Dispose();
}
