using System.Runtime.InteropServices;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay;

/// <summary>
/// One connection's way through its pool: the next backend while no byte was sent, each at most once. When
/// <see cref="Next"/> has nobody left, the connection goes to the waiting room (with <see cref="Exhausted"/>) and,
/// released, starts afresh. A mutable struct: keep it in a field, never in a readonly one. Not thread-safe.
/// </summary>
internal struct Attempts
{
    private List<BackendId>? _tried;
    private Pool? _pool;

    /// <summary>The pool as it was when everybody in it had been dialled in vain; null if there was nobody to dial.</summary>
    public readonly Pool? Exhausted => _tried is { Count: > 0 } ? _pool : null;

    /// <summary>Whom to dial; null if nobody is left.</summary>
    public Backend? Next(Gate gate, PoolId pool, ClientAddress client)
    {
        _pool = gate.Pools.Current.Pools.GetValueOrDefault(pool);
        return _pool?.Pick(client, CollectionsMarshal.AsSpan(_tried));
    }

    /// <summary>Whether there is anybody left but this one.</summary>
    public readonly bool HasOther(Gate gate, PoolId pool, Backend than)
    {
        foreach (var backend in gate.Pools.Current.Pools.GetValueOrDefault(pool)?.Eligible ?? [])
        {
            if (backend.Id != than.Id && _tried?.Contains(backend.Id) != true)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// The backend was dialled and is not taken: the dial failed, or succeeded (<see cref="DialOutcome.Connected"/>) on one
    /// that was declared down meanwhile. A failure that is not our own fault is a reason for recovery to look at once.
    /// </summary>
    public void Failed(Gate gate, Backend backend, DialOutcome outcome)
    {
        (_tried ??= []).Add(backend.Id);
        if (outcome is not (DialOutcome.Exhausted or DialOutcome.OtherFamily or DialOutcome.Connected) && gate.Pools.Current.Backends.TryGetValue(backend.Id, out var now) && now.Status.Healthy)
        {
            gate.Pools.ReportDialFailure(backend.Id);
        }
    }

    /// <summary>The connection waited and was released: everybody may be tried again.</summary>
    public readonly void StartAfresh() => _tried?.Clear();
}
