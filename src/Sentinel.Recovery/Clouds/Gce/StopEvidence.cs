using Sentinel.Recovery.Clouds.Gce.Wire;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>
/// What a zone's operations say of why its instances stopped. Operations are told apart by their ids: lists come late, twice
/// and in no order of time. Not thread-safe.
/// </summary>
internal sealed class StopEvidence(TimeProvider time)
{
    /// <summary>How long an operation is remembered after it was first seen; longer if it is about a VM that is watched. What is asked for later is asked for by name.</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromHours(1);

    private readonly Dictionary<string, long> _seen = [];
    private readonly Dictionary<string, List<Evidence>> _byInstance = [];
    private readonly HashSet<string> _ours = [];

    /// <summary>Requests of our own, by their ids: what they stop was stopped by us.</summary>
    public void AddOwn(Guid requestId) => _ours.Add(requestId.ToString());

    /// <summary>Takes note of an operation.</summary>
    /// <returns>Whether it was not known before.</returns>
    public bool Add(GceOperation operation)
    {
        // One that runs may still fail, and then it stopped nothing.
        var key = operation.IsDone ? operation.Id + "!" : operation.Id;
        if (!_seen.TryAdd(key, time.GetTimestamp()))
        {
            return false;
        }

        if (operation.IsDone && operation.Error is not null)
        {
            if (_byInstance.TryGetValue(operation.TargetId, out var known))
            {
                known.RemoveAll(evidence => evidence.Operation == operation.Id);
            }
        }
        else if (CauseOf(operation) is { } cause && operation.InsertTime is { } at)
        {
            if (!_byInstance.TryGetValue(operation.TargetId, out var known))
            {
                _byInstance[operation.TargetId] = known = [];
            }

            known.RemoveAll(evidence => evidence.Operation == operation.Id);
            known.Add(new(operation.Id, cause, at, Describe(operation), time.GetTimestamp(), operation.ClientOperationId));
        }

        return true;
    }

    /// <summary>Why a run of an instance ended; null if nothing is known.</summary>
    /// <param name="instance">Its id, which another one of the same name does not share.</param>
    /// <param name="startedAt">When that run began, by the cloud's clock.</param>
    /// <param name="own">The request by which any sentinel would have stopped that run: it is known in advance, also to another one and after a restart.</param>
    public (OutageCause Cause, string Detail)? Find(string instance, DateTimeOffset startedAt, Guid own)
    {
        if (!_byInstance.TryGetValue(instance, out var known))
        {
            return null;
        }

        // A person's word counts more than what the cloud did to the same run before or after.
        var (ours, text) = (OutageCause.Ours, own.ToString());
        var newest = known.Where(evidence => evidence.At >= startedAt)
            .Select(evidence => evidence.Request == text && evidence.Cause is OutageCause.User ? evidence with { Cause = ours } : evidence)
            .OrderByDescending(evidence => evidence.Cause is OutageCause.User or OutageCause.Deleted)
            .ThenByDescending(evidence => evidence.At)
            .FirstOrDefault();
        return newest is null ? null : (newest.Cause, newest.Detail);
    }

    /// <summary>Why an instance that nobody has seen is gone, by what happened to its name; null if nothing is known.</summary>
    public (OutageCause Cause, string Detail)? FindLast(IEnumerable<GceOperation> operations)
    {
        (OutageCause Cause, string Detail)? last = null;
        foreach (var operation in operations.Where(operation => operation.Error is null).OrderBy(operation => operation.InsertTime))
        {
            var isPersons = last is { Cause: OutageCause.User or OutageCause.Deleted };
            last = operation.OperationType is "insert" or "start" or "resume" ? null
                : CauseOf(operation) is { } cause && (!isPersons || cause is OutageCause.User or OutageCause.Deleted) ? (cause, Describe(operation))
                : last;
        }

        return last;
    }

    /// <summary>Lets go of what is old.</summary>
    /// <param name="instances">The ids of those that are watched.</param>
    public void Forget(IReadOnlySet<string> instances)
    {
        foreach (var (key, at) in _seen.Where(seen => time.GetElapsedTime(seen.Value) > Remembered).ToArray())
        {
            _seen.Remove(key);
        }

        foreach (var (instance, known) in _byInstance.Where(known => !instances.Contains(known.Key)).ToArray())
        {
            // Not sooner than its operations themselves, or they would be known and mean nothing.
            known.RemoveAll(evidence => time.GetElapsedTime(evidence.SeenAt) > Remembered);
            if (known.Count == 0)
            {
                _byInstance.Remove(instance);
            }
        }
    }

    private static string Describe(GceOperation operation) =>
        operation.StatusMessage is { Length: > 0 } message ? $"{message} ({operation.Name})" : $"{operation.OperationType} by {operation.User} ({operation.Name})";

    private OutageCause? CauseOf(GceOperation operation)
    {
        if (operation.ClientOperationId is { } request && _ours.Contains(request))
        {
            return operation.OperationType is "stop" or "delete" ? OutageCause.Ours : null;
        }

        return operation.OperationType switch
        {
            "compute.instances.preempted" => OutageCause.Preempted,
            "compute.instances.hostError" => OutageCause.HostError,
            "compute.instances.guestTerminate" => OutageCause.Guest,
            "compute.instances.terminateOnHostMaintenance" => OutageCause.Maintenance,
            "stop" or "suspend" => OutageCause.User,
            "delete" => OutageCause.Deleted,
            _ => null,
        };
    }

    private sealed record Evidence(string Operation, OutageCause Cause, DateTimeOffset At, string Detail, long SeenAt, string? Request);
}
