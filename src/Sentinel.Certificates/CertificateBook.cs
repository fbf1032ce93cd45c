using Microsoft.Extensions.Logging;
using Sentinel.Certificates.Storage;

namespace Sentinel.Certificates;

/// <summary>What is held, one certificate for each slot: chosen from by name, replaced only by what is better, kept on disk. Thread-safe.</summary>
internal sealed class CertificateBook(string directory, TimeProvider time, ILogger logger)
{
    private readonly CertificateStore _store = new(directory, time, logger);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, HeldCertificate> _bySlot = [];
    private readonly Dictionary<string, HeldCertificate> _unwritten = [];
    private volatile SniSelector _selector = new([]);

    /// <summary>All that is held.</summary>
    public IReadOnlyList<HeldCertificate> All
    {
        get
        {
            lock (_lock)
            {
                return [.. _bySlot.Values];
            }
        }
    }

    /// <summary>Reads what earlier daemons kept.</summary>
    public void Load()
    {
        lock (_lock)
        {
            foreach (var certificate in _store.Load())
            {
                _bySlot[certificate.Slot] = certificate;
            }

            _selector = new(_bySlot.Values);
            Log.Loaded(logger, _bySlot.Count, directory);
        }
    }

    /// <summary>See <see cref="SniSelector.Find"/>.</summary>
    public HeldCertificate? Find(string? serverName, bool takesEcdsa) => _selector.Find(serverName, takesEcdsa, time.GetUtcNow());

    /// <summary>The one for exactly these names that holds longest, of the kind of key that is wanted if there is one; null if there is none.</summary>
    public HeldCertificate? Of(EquatableNames names, KeyKind wanted)
    {
        var isEcdsa = wanted is KeyKind.Ec256 or KeyKind.Ec384;
        lock (_lock)
        {
            return _bySlot.Values.Where(certificate => certificate.Names.Equals(names)).MaxBy(certificate => (certificate.IsEcdsa == isEcdsa, certificate.NotAfter));
        }
    }

    /// <summary>Takes one that we ordered: it replaces what is there whatever that is, since there was a reason to order it.</summary>
    public void Put(HeldCertificate certificate)
    {
        lock (_lock)
        {
            Take(certificate);
            _selector = new(_bySlot.Values);
        }
    }

    /// <summary>Takes what somebody else gave, as far as each is better than what is held: valid now, vouched for, and longer.</summary>
    /// <returns>Those that were taken.</returns>
    public IReadOnlyList<HeldCertificate> Offer(IEnumerable<HeldCertificate> offered)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            var taken = new List<HeldCertificate>();
            foreach (var certificate in offered)
            {
                if (certificate.IsValid(now) && !IsStandIn(certificate, now) && (_bySlot.GetValueOrDefault(certificate.Slot) is not { } held || !held.IsValid(now) || IsBetter(certificate, held)))
                {
                    Take(certificate);
                    taken.Add(certificate);
                }
            }

            if (taken.Count > 0)
            {
                _selector = new(_bySlot.Values);
            }

            return taken;
        }
    }

    /// <summary>Tries again to write what a full disk refused.</summary>
    public void WriteAgain()
    {
        lock (_lock)
        {
            foreach (var certificate in _unwritten.Values.ToArray())
            {
                Write(certificate);
            }
        }
    }

    private static bool IsBetter(HeldCertificate one, HeldCertificate held) => (!one.IsSelfSigned, one.NotAfter).CompareTo((!held.IsSelfSigned, held.NotAfter)) > 0;

    /// <summary>Whether it vouches for itself where an authority's is held for one of its names: servers make such for themselves.</summary>
    private bool IsStandIn(HeldCertificate certificate, DateTimeOffset now) =>
        certificate.IsSelfSigned && _bySlot.Values.Any(held => !held.IsSelfSigned && held.IsValid(now) && held.Names.Intersect(certificate.Names).Any());

    // Under the lock.
    private void Take(HeldCertificate certificate)
    {
        _bySlot[certificate.Slot] = certificate;
        Write(certificate);
    }

    /// <summary>A certificate that cannot be written is shown all the same.</summary>
    private void Write(HeldCertificate certificate)
    {
        try
        {
            _store.Put(certificate);
            _unwritten.Remove(certificate.Slot);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (_unwritten.TryAdd(certificate.Slot, certificate))
            {
                Log.NotWritten(logger, certificate.Names.ToString(), e.Message);
            }

            _unwritten[certificate.Slot] = certificate;
        }
    }
}
