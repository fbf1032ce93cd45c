using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Files;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Recording;

/// <summary>
/// The flight recorder: every outage, in memory and on disk. A disk that is full or gone stops nothing: records are kept in
/// memory, tried again, and the trouble is told. Thread-safe.
/// </summary>
public sealed class OutageLog
{
    /// <summary>Records kept. An outage that is on is never forgotten.</summary>
    internal const int Kept = 1000;

    private const int TypicalOf = 50;
    private static readonly TimeSpan TellAgain = TimeSpan.FromMinutes(1);

    private readonly OutageStore _store;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, OutageRecord> _records = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedSet<string>> _byBackend = [];
    private readonly HashSet<string> _unwritten = [];

    // Records of different outages are written side by side, versions of one never.
    private readonly SemaphoreSlim[] _stripes = [.. Enumerable.Range(0, 8).Select(_ => new SemaphoreSlim(1))];
    private long _toldAt;
    private string? _trouble;

    internal OutageLog(string directory, TimeProvider time, ILogger logger)
    {
        _store = new(directory, logger);
        (_time, _logger) = (time, logger);
    }

    /// <summary>Why records cannot be written now; null if all is well.</summary>
    public string? Trouble => Volatile.Read(ref _trouble);

    /// <summary>The newest outages, newest first.</summary>
    public IReadOnlyList<OutageRecord> List(int limit = 100)
    {
        lock (_lock)
        {
            return [.. _records.Values.Reverse().Take(limit)];
        }
    }

    /// <summary>One outage; null if there is none of that name.</summary>
    public OutageRecord? Find(string id)
    {
        lock (_lock)
        {
            return _records.GetValueOrDefault(id);
        }
    }

    /// <summary>What is on record of one backend.</summary>
    public OutageHistory HistoryOf(BackendId backend)
    {
        var records = Of(backend);
        var durations = records
            .Where(record => record is { Duration: not null, Cause: not (OutageCause.User or OutageCause.Deleted or OutageCause.NotStarted) })
            .TakeLast(TypicalOf)
            .Select(record => record.Duration!.Value)
            .Order()
            .ToArray();
        return new(
            records.Sum(record => record.Preemptions),
            records.Max(record => record.PreemptedAt),
            records.LastOrDefault(record => record.ClosedAt is null),
            records.LastOrDefault(record => record.ClosedAt is not null)?.Duration,
            durations.Length == 0 ? null : (durations[(durations.Length - 1) / 2] + durations[durations.Length / 2]) / 2);
    }

    /// <summary>One backend's outages, oldest first.</summary>
    internal OutageRecord[] Of(BackendId backend)
    {
        lock (_lock)
        {
            return _byBackend.TryGetValue(backend.Name, out var ids) ? [.. ids.Select(id => _records[id])] : [];
        }
    }

    /// <summary>All outages that are on.</summary>
    internal OutageRecord[] Open()
    {
        lock (_lock)
        {
            return [.. _records.Values.Where(record => record.ClosedAt is null)];
        }
    }

    /// <summary>Reads what earlier daemons wrote.</summary>
    internal void Load()
    {
        var records = _store.Load();
        lock (_lock)
        {
            records.ForEach(Keep);
        }
    }

    /// <summary>Keeps a record and writes it; returns when it is on disk, or will not be for now.</summary>
    internal async Task WriteAsync(OutageRecord record)
    {
        lock (_lock)
        {
            Keep(record);
            _unwritten.Add(record.Id);
        }

        await WriteLatestAsync(record.Id).ConfigureAwait(false);
        Forget();
    }

    /// <summary>Tries again what could not be written.</summary>
    internal async Task RetryAsync()
    {
        string[] ids;
        lock (_lock)
        {
            ids = Trouble is null ? [] : [.. _unwritten];
        }

        foreach (var id in ids)
        {
            await WriteLatestAsync(id).ConfigureAwait(false);
            if (Trouble is not null)
            {
                return;
            }
        }
    }

    private async Task WriteLatestAsync(string id)
    {
        var stripe = _stripes[(uint)id.GetHashCode() % _stripes.Length];
        await stripe.WaitAsync().ConfigureAwait(false);
        try
        {
            OutageRecord? record;
            lock (_lock)
            {
                record = _unwritten.Remove(id) ? _records.GetValueOrDefault(id) : null;
            }

            if (record is not null)
            {
                await DiskThread.RunAsync(() => _store.Write(record)).ConfigureAwait(false);
                if (Interlocked.Exchange(ref _trouble, null) is not null)
                {
                    Log.RecordsWritable(_logger);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            lock (_lock)
            {
                _unwritten.Add(id);
            }

            Tell(e);
        }
        finally
        {
            stripe.Release();
        }
    }

    private void Tell(Exception e)
    {
        lock (_lock)
        {
            var isNew = Interlocked.Exchange(ref _trouble, e.Message) is null;
            if (isNew || _time.GetElapsedTime(_toldAt) >= TellAgain)
            {
                _toldAt = _time.GetTimestamp();
                Log.RecordUnwritable(_logger, _unwritten.Count, e.Message);
            }
        }
    }

    private void Keep(OutageRecord record)
    {
        _records[record.Id] = record;
        if (!_byBackend.TryGetValue(record.Backend, out var ids))
        {
            _byBackend[record.Backend] = ids = new(StringComparer.Ordinal);
        }

        ids.Add(record.Id);
    }

    private void Forget()
    {
        List<string> forgotten = [];
        lock (_lock)
        {
            foreach (var record in _records.Values.Where(record => record.ClosedAt is not null).Take(Math.Max(0, _records.Count - Kept)).ToArray())
            {
                _records.Remove(record.Id);
                _unwritten.Remove(record.Id);
                _byBackend[record.Backend].Remove(record.Id);
                forgotten.Add(record.Id);
            }
        }

        forgotten.ForEach(_store.Delete);
    }
}
