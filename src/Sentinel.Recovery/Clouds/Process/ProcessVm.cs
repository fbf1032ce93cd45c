using System.Diagnostics.CodeAnalysis;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Clouds.Process;

/// <summary>One VM of the process cloud: its first process, everything that descends from that, and who wants to know.</summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "A semaphore holds nothing unless somebody takes its wait handle, and nobody does.")]
internal sealed partial class ProcessVm
{
    private const string Address = "127.0.0.1";

    private readonly ProcessCloudParts _parts;
    private readonly InstanceName _name;
    private readonly VmFiles _files;
    private readonly string _marker;

    // Starting, stopping and clearing up take turns; what is known changes under the lock, and is told under it, in order.
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Lock _lock = new();
    private readonly ReportFeed _feed = new();
    private ProcessIdentity? _leader;
    private ProcessIdentity? _lastLeader;
    private long _incarnation;
    private Ending _ending;

    public ProcessVm(ProcessCloudParts parts, InstanceName name, ProcessSettings settings)
    {
        (_parts, _name, Settings) = (parts, name, settings);
        _files = new(parts.Directory, name.Name);
        _marker = VmMarker.Prefix(parts.Owner, name.Name);
    }

    /// <summary>What our own doing makes of the end of the first process.</summary>
    private enum Ending
    {
        NotOurs,
        Stop,
        Reset,
    }

    /// <summary>Count from the next start.</summary>
    public ProcessSettings Settings { get; set; }

    /// <summary>How to recognise what belongs to it.</summary>
    public VmMark Mark
    {
        get
        {
            lock (_lock)
            {
                return new(_marker, _files.Logs, _leader ?? _lastLeader);
            }
        }
    }

    /// <summary>Finds out what an earlier daemon left: a process to take over, one that ended, or remains to clear away.</summary>
    /// <param name="found">Everything marked that runs.</param>
    public async Task OpenAsync(IReadOnlyList<MarkedProcess> found)
    {
        var record = _files.Read(out var error);
        if (error is not null)
        {
            Log.VmRecordUnreadable(_parts.Logger, _name, error);
        }

        var isOfThisBoot = record?.BootId == _parts.Host.BootId;
        _incarnation = record?.Incarnation ?? 0;
        _lastLeader = isOfThisBoot ? record!.Process : null;
        if (isOfThisBoot && record!.Cause is null && Adopt(record.Process, record.Incarnation))
        {
            Log.VmAdopted(_parts.Logger, _name, record.Pid);
        }
        else if (Unrecorded(found) is { } started && Adopt(started.Process, started.Incarnation!.Value))
        {
            // Started the very moment before the last daemon died: it had no time to write that down.
            Log.VmAdopted(_parts.Logger, _name, started.Process.Pid);
            WriteRecord(null);
        }
        else
        {
            _feed.Tell(record switch
            {
                null => Stopped(OutageCause.NotStarted, null, "it has not been started yet"),
                { Cause: { } cause } => Stopped(cause, record.EndedAt, record.Detail ?? ""),
                _ when !isOfThisBoot => Stopped(OutageCause.HostError, null, "the machine was restarted"),
                _ => Stopped(OutageCause.Unknown, null, "it ended while no sentinel was there to see how"),
            });
        }

        await ClearAsync().ConfigureAwait(false);
    }

    public IDisposable Watch(Action<InstanceReport> observer) => _feed.Watch(observer);

    /// <summary>Tells again what is known.</summary>
    public void Repeat() => _feed.Repeat();

    public async Task<CloudOutcome> StartAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await StartInTurnAsync().ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <param name="grace">Between asking and killing.</param>
    /// <param name="hurry">Ends the grace early.</param>
    /// <param name="forget">Whether the next daemon is to start it afresh.</param>
    public async Task<CloudOutcome> StopAsync(TimeSpan grace, bool forget, CancellationToken hurry)
    {
        await _turn.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            var wasRunning = Intend(Ending.Stop);
            var left = await EndAllAsync(grace, hurry).ConfigureAwait(false);
            if (left.Count == 0 && forget)
            {
                _files.Forget();
            }
            else if (left.Count == 0 && wasRunning)
            {
                WriteRecord(new(OutageCause.Ours, _parts.Time.GetUtcNow(), "stopped by the sentinel"));
            }

            return left.Count > 0 ? StillThere(left)
                : new(wasRunning ? CloudResult.Done : CloudResult.Already, wasRunning ? "stopped" : "it was down");
        }
        finally
        {
            Intend(Ending.NotOurs);
            _turn.Release();
        }
    }

    public async Task<CloudOutcome> ResetAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Intend(Ending.Reset);
            var left = await EndAllAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false);
            var outcome = left.Count > 0 ? StillThere(left) : await StartInTurnAsync().ConfigureAwait(false);
            if (!outcome.IsGood)
            {
                lock (_lock)
                {
                    if (_leader is null)
                    {
                        _feed.Tell(Stopped(OutageCause.Ours, _parts.Time.GetUtcNow(), "reset, and could not be started again"));
                    }
                }
            }

            return outcome;
        }
        finally
        {
            Intend(Ending.NotOurs);
            _turn.Release();
        }
    }

    private async Task<CloudOutcome> StartInTurnAsync()
    {
        lock (_lock)
        {
            if (_leader is { } running)
            {
                return new(CloudResult.Already, $"process {running.Pid} runs");
            }
        }

        // What is left of the last run may hold its ports.
        var left = await EndAllAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false);
        if (left.Count > 0)
        {
            return StillThere(left);
        }

        var log = _files.PrepareLog(out var error);
        if (error is not null)
        {
            Log.VmLogUnwritable(_parts.Logger, _name, error);
        }

        SpawnOutcome spawned;
        lock (_lock)
        {
            // Later runs count higher even if the record of the earlier ones was lost.
            var incarnation = Math.Max(_incarnation + 1, _parts.Time.GetUtcNow().ToUnixTimeMilliseconds());
            var environment = VmMarker.Environment(Settings, _parts.Owner, _name.Name, incarnation);
            spawned = _parts.Host.Spawn(new(Settings, environment, log), exit => OnExit(incarnation, exit));
            if (spawned.Process is { } process)
            {
                (_leader, _lastLeader, _incarnation, _ending) = (process, process, incarnation, Ending.NotOurs);
                _feed.Tell(new(InstanceCondition.Running, new(incarnation), Address));
            }
        }

        if (spawned.Refusal is { } refusal)
        {
            return refusal;
        }

        WriteRecord(null);
        return new(CloudResult.Done, $"process {spawned.Process!.Value.Pid}");
    }

    /// <summary>The first process of a run that is newer than the record.</summary>
    private MarkedProcess? Unrecorded(IReadOnlyList<MarkedProcess> found) => found
        .Where(process => process.LeadsSession && process.Incarnation > _incarnation)
        .MinBy(process => process.Process.StartedAt);

    private bool Adopt(ProcessIdentity process, long incarnation)
    {
        lock (_lock)
        {
            if (!_parts.Host.Adopt(process, exit => OnExit(incarnation, exit)))
            {
                return false;
            }

            (_leader, _lastLeader, _incarnation) = (process, process, incarnation);
            _feed.Tell(new(InstanceCondition.Running, new(incarnation), Address));
            return true;
        }
    }

    private InstanceReport Stopped(OutageCause cause, DateTimeOffset? at, string detail) =>
        new(InstanceCondition.Stopped, new(_incarnation), Stop: new(cause, at, detail));

    private static CloudOutcome StillThere(IReadOnlyList<MarkedProcess> left) =>
        new(CloudResult.NotReady, $"processes of its last run do not end: {string.Join(", ", left.Select(process => process.Process.Pid))}");

    private bool Intend(Ending ending)
    {
        lock (_lock)
        {
            _ending = ending;
            return _leader is not null;
        }
    }

    private void WriteRecord(InstanceStop? stop)
    {
        VmRecord record;
        lock (_lock)
        {
            record = new()
            {
                Name = _name.Name,
                Incarnation = _incarnation,
                Pid = _lastLeader!.Value.Pid,
                StartedAt = _lastLeader.Value.StartedAt,
                BootId = _parts.Host.BootId,
                Cause = stop?.Cause,
                EndedAt = stop?.At,
                Detail = stop?.Detail,
            };
        }

        if (_files.Write(record) is { } error)
        {
            Log.VmRecordUnwritable(_parts.Logger, _name, error);
        }
    }
}
