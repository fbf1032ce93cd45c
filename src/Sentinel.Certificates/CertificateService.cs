using System.Net.Security;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Certificates.Acme;
using Sentinel.Certificates.Delivery;
using Sentinel.Certificates.Sync;

namespace Sentinel.Certificates;

/// <summary>
/// Holds certificates, orders and renews them, and fetches them from VMs. Order of calls: <see cref="Load"/> before the first
/// listener is bound, <see cref="Commit"/> at the start and at each reload, <see cref="Start"/> once listeners answer.
/// </summary>
public sealed class CertificateService : IAsyncDisposable
{
    private readonly CertificateBook _book;
    private readonly ChallengeBoard _board = new();
    private readonly CertificateMeter _meter;
    private readonly OrderDesk _orders;
    private readonly SyncDesk _sync;
    private readonly DeliveryDesk _deliveries;
    private bool _isDisposed;

    /// <param name="directory">Where everything is kept.</param>
    /// <param name="pools">Tells where VMs are, and when they are back.</param>
    /// <param name="loops">Is told that the loops go on.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Where to log.</param>
    public CertificateService(string directory, PoolTable pools, LoopRegistry loops, TimeProvider time, ILoggerFactory loggers)
    {
        var logger = loggers.CreateLogger("Sentinel.Certificates");
        _book = new(directory, time, logger);
        _meter = new(() => _book.All);
        _orders = new(_book, _board, _meter, directory, backend => IsUp(pools, backend), alert => Alerted?.Invoke(alert), loops, time, logger);
        _sync = new(_book, _meter, pools, loops, time, logger);
        _deliveries = new(_book, directory, pools, loops, time, logger);
    }

    /// <summary>A first failure in a row, or an end that is near. Raised on a thread of this room: be quick.</summary>
    public event Action<CertificateAlert>? Alerted;

    /// <summary>What is held and what is wanted, by name.</summary>
    public IReadOnlyList<CertificateStatus> Statuses
    {
        get
        {
            var courses = _orders.Courses.ToDictionary(course => course.Names);
            var held = _book.All;
            return
            [
                .. held.Select(certificate => Describe(certificate, certificate.Names, courses))
                    .Concat(courses.Keys.Except(held.Select(certificate => certificate.Names)).Select(names => Describe(null, names, courses)))
                    .OrderBy(status => status.Names[0], StringComparer.Ordinal),
            ];
        }
    }

    /// <summary>Where certificates are fetched from, and how that goes.</summary>
    public IReadOnlyList<SyncStatus> Sync => _sync.Statuses;

    /// <summary>Reads what earlier daemons kept.</summary>
    public void Load() => _book.Load();

    /// <summary>Puts settings in force; null: nothing is ordered or fetched, and what is held stays. Cannot fail.</summary>
    public void Commit(CertificateSettings? settings)
    {
        _orders.Configure(settings?.Acme);
        _sync.Configure(settings?.Sync ?? []);
        _deliveries.Configure(settings?.Deliver ?? []);
    }

    /// <summary>Begins to order and to fetch.</summary>
    public void Start()
    {
        _sync.Start();
        _orders.Start();
        _deliveries.Start();
    }

    /// <summary>The best certificate for a name; null if none is held.</summary>
    /// <param name="serverName">Lower case, no final dot; null if the client named none.</param>
    /// <param name="takesEcdsa">Whether the client can verify signatures of elliptic curves.</param>
    public SslStreamCertificateContext? Find(string? serverName, bool takesEcdsa) => _book.Find(serverName, takesEcdsa)?.Context;

    /// <summary>What answers a TLS-ALPN-01 challenge that is pending for a name.</summary>
    public SslStreamCertificateContext? FindChallenge(string? serverName) => _board.FindCertificate(serverName);

    /// <summary>What answers an HTTP-01 challenge that is pending.</summary>
    public string? FindKeyAuthorization(string token) => _board.FindKeyAuthorization(token);

    /// <summary>Orders the certificate of a name now, unless that was tried a moment ago.</summary>
    public RenewOutcome Renew(string name) => _orders.Renew(name.ToLowerInvariant().TrimEnd('.'));

    /// <summary>Revokes what was ordered for exactly this name, and orders it anew if it is configured. Until that is there the revoked one is shown.</summary>
    public Task<RevokeOutcome> RevokeAsync(string name, RevocationReason reason) => _orders.RevokeAsync(name.ToLowerInvariant().TrimEnd('.'), reason);

    /// <summary>Gives our account at each configured authority a new key.</summary>
    /// <returns>Null while something is being ordered; else an outcome for each authority where there is an account.</returns>
    public Task<IReadOnlyList<KeyChangeOutcome>?> RollKeysAsync() => _orders.RollKeysAsync();

    /// <summary>Ends; orders that are under way are gone on with by the next daemon.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            await _orders.DisposeAsync().ConfigureAwait(false);
            await _sync.DisposeAsync().ConfigureAwait(false);
            await _deliveries.DisposeAsync().ConfigureAwait(false);
            _meter.Dispose();
        }
    }

    private static bool IsUp(PoolTable pools, string backend) => pools.Current.Backends.TryGetValue(new(backend), out var known) && known.Status.Healthy;

    private static CertificateStatus Describe(
        HeldCertificate? held, EquatableNames names, Dictionary<EquatableNames, (EquatableNames Names, DateTimeOffset Next, string? LastError)> courses)
    {
        var isOrdered = courses.TryGetValue(names, out var course);
        return new()
        {
            Names = names,
            Source = (held?.Source ?? CertificateSource.Acme).ToString(),
            NotAfter = held?.NotAfter,
            SerialNumber = held?.SerialNumber,
            RenewAt = isOrdered && course.Next > DateTimeOffset.MinValue ? course.Next : null,
            LastError = isOrdered ? course.LastError : null,
        };
    }
}
