using Sentinel.Backends;

namespace Sentinel.Recovery.Recording;

/// <summary>Counts who has to wait for one backend's pools in the course of its outage. For one thread at a time.</summary>
internal sealed class WaitsTally(PoolTable pools, BackendId backend, OutageRecord? open)
{
    // What an earlier daemon saw of an outage that goes on.
    private Waits _kept = open?.Waits?.ToWaits() ?? default;
    private Waits _before;
    private OutageRecord? _closed;

    /// <summary>Whether some still wait who came in an outage that is over.</summary>
    public bool IsSettling => _closed is not null;

    /// <summary>An outage begins.</summary>
    public void Begin() => (_kept, _before, _closed) = (default, Now().Begun, null);

    /// <summary>The record, with what is known by now.</summary>
    public OutageRecord Fill(OutageRecord record)
    {
        var waits = _kept + (Now() - _before);
        record = record with { Waits = waits == default ? null : OutageWaits.Of(waits) };
        _closed = record.ClosedAt is not null && waits.Waiting > 0 ? record : null;
        return record;
    }

    /// <summary>The record of the outage that is over, if there is news of those who waited; null: there is none.</summary>
    public OutageRecord? News() => _closed is { } known && Fill(known) is var now && now.Waits != known.Waits ? now : null;

    private Waits Now()
    {
        Waits sum = default;
        foreach (var pool in pools.Current.Pools.Values.Where(pool => pool.Definition.Backends.Contains(backend)))
        {
            sum += pool.Waits.Current;
        }

        return sum;
    }
}
