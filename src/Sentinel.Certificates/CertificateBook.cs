using Microsoft.Extensions.Logging;
using Sentinel.Backends.Files;
using Sentinel.Certificates.Storage;

namespace Sentinel.Certificates;

/// <summary>
/// What is held, one certificate for each slot: chosen from by name, replaced only by what is better, kept on disk.
/// Thread-safe, and nobody who reads waits for a disk; whoever writes does so on a thread of the disk's own.
/// </summary>
internal sealed class CertificateBook(string directory, TimeProvider time, ILogger logger)
{
    /// <summary>So many are written at a time: one manifest a piece, and others have their turn between two.</summary>
    private const int Piece = 200;

    private readonly CertificateStore _store = new(directory, time, logger);
    private readonly DiskQueue _disk = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<string, HeldCertificate> _bySlot = [];
    private readonly Dictionary<string, HeldCertificate> _unwritten = [];
    private volatile SniSelector _selector = new([]);
    private bool _isFailing;

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

    /// <summary>Reads what earlier daemons kept. Before anything is put here.</summary>
    public void Load()
    {
        var loaded = _store.Load();
        lock (_lock)
        {
            foreach (var certificate in loaded)
            {
                _bySlot[certificate.Slot] = certificate;
            }

            _selector = new(_bySlot.Values);
        }

        Log.Loaded(logger, loaded.Count, directory);
    }

    /// <summary>See <see cref="SniSelector.Find"/>.</summary>
    public HeldCertificate? Find(string? serverName, bool takesEcdsa) => _selector.Find(serverName, takesEcdsa, time.GetUtcNow());

    /// <summary>The one for exactly these names, of the kind of key that is wanted if there is one; null if there is none.</summary>
    public HeldCertificate? Of(EquatableNames names, KeyKind wanted)
    {
        var isEcdsa = wanted is KeyKind.Ec256 or KeyKind.Ec384;
        lock (_lock)
        {
            return _bySlot.GetValueOrDefault(HeldCertificate.SlotOf(names, isEcdsa)) ?? _bySlot.GetValueOrDefault(HeldCertificate.SlotOf(names, !isEcdsa));
        }
    }

    /// <summary>Whether all that is held for exactly these names is on disk.</summary>
    public bool IsWritten(EquatableNames names)
    {
        lock (_lock)
        {
            return !_unwritten.Values.Any(certificate => certificate.Names.Equals(names));
        }
    }

    /// <summary>Takes one that we ordered: it replaces what is there whatever that is, since there was a reason to order it.</summary>
    /// <returns>Whether it is on disk too; else it is shown all the same, and written as soon as that goes.</returns>
    public async Task<bool> PutAsync(HeldCertificate certificate)
    {
        lock (_lock)
        {
            Take(certificate);
            _selector = new(_bySlot.Values);
        }

        await _disk.RunAsync(() => Write([certificate])).ConfigureAwait(false);
        lock (_lock)
        {
            return !_unwritten.TryGetValue(certificate.Slot, out var waiting) || waiting != certificate;
        }
    }

    /// <summary>Takes what somebody else gave, as far as each is better than what is held: valid now, vouched for, and longer.</summary>
    /// <returns>Those that were taken.</returns>
    public async Task<IReadOnlyList<HeldCertificate>> OfferAsync(IEnumerable<HeldCertificate> offered)
    {
        var now = time.GetUtcNow();
        var taken = new List<HeldCertificate>();
        lock (_lock)
        {
            var vouched = new Lazy<HashSet<string>>(() => [.. _bySlot.Values.Where(held => !held.IsSelfSigned && held.IsValid(now)).SelectMany(held => held.Names)]);

            // Those that an authority vouches for first, so that the others of the same offer are held against them.
            foreach (var certificate in offered.OrderBy(one => one.IsSelfSigned))
            {
                // Servers make certificates for themselves; such a one never stands where an authority's is held for one of its names.
                var isStandIn = certificate.IsSelfSigned && certificate.Names.Any(vouched.Value.Contains);
                if (certificate.IsValid(now) && !isStandIn && (_bySlot.GetValueOrDefault(certificate.Slot) is not { } held || !held.IsValid(now) || IsBetter(certificate, held)))
                {
                    Take(certificate);
                    taken.Add(certificate);
                }
            }

            if (taken.Count > 0)
            {
                _selector = new(_bySlot.Values);
            }
        }

        foreach (var piece in taken.Chunk(Piece))
        {
            await _disk.RunAsync(() => Write(piece)).ConfigureAwait(false);
        }

        return taken;
    }

    /// <summary>Tries again to write what a full disk refused, some at a time.</summary>
    public async Task WriteAgainAsync()
    {
        HeldCertificate[] waiting;
        lock (_lock)
        {
            waiting = [.. _unwritten.Values.Take(Piece)];
        }

        if (waiting.Length > 0)
        {
            await _disk.RunAsync(() => Write(waiting)).ConfigureAwait(false);
        }
    }

    private static bool IsBetter(HeldCertificate one, HeldCertificate held) => (!one.IsSelfSigned, one.NotAfter).CompareTo((!held.IsSelfSigned, held.NotAfter)) > 0;

    // Under the lock.
    private void Take(HeldCertificate certificate) => _bySlot[certificate.Slot] = _unwritten[certificate.Slot] = certificate;

    /// <summary>Writes those that were not replaced meanwhile. A certificate that cannot be written is shown all the same.</summary>
    private void Write(IReadOnlyCollection<HeldCertificate> piece)
    {
        HeldCertificate[] current;
        lock (_lock)
        {
            current = [.. piece.Where(certificate => _unwritten.GetValueOrDefault(certificate.Slot) == certificate)];
        }

        if (current.Length == 0)
        {
            return;
        }

        try
        {
            _store.Put(current);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_isFailing)
            {
                _isFailing = true;
                Log.NotWritten(logger, current.Length, current[0].Names.ToString(), directory, e.Message);
            }

            return;
        }

        lock (_lock)
        {
            foreach (var certificate in current.Where(certificate => _unwritten.GetValueOrDefault(certificate.Slot) == certificate))
            {
                _unwritten.Remove(certificate.Slot);
            }
        }

        if (_isFailing)
        {
            _isFailing = false;
            Log.WrittenAgain(logger, directory);
        }
    }
}
