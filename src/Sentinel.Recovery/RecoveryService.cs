using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Recovery.Clouds;
using Sentinel.Recovery.Clouds.Gce;
using Sentinel.Recovery.Clouds.Process;
using Sentinel.Recovery.Outages;
using Sentinel.Recovery.Recording;
using Sentinel.Recovery.Watching;

namespace Sentinel.Recovery;

/// <summary>
/// Watches all backends, keeps the pool table told, and brings back what went away. Order of calls: <see cref="Prepare"/>,
/// <c>PoolTable.Configure</c>, <see cref="Commit"/>, <see cref="StartAsync"/>; at each reload the first three again;
/// <see cref="StopAsync"/> last of all rooms.
/// </summary>
public sealed class RecoveryService : IAsyncDisposable
{
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1);

    private readonly RecoveryRoom _room;
    private readonly ProcessCloud _processes;
    private readonly GceCloud _gce;
    private readonly Dictionary<string, ICloud> _clouds;
    private readonly Lock _lock = new();
    private readonly Dictionary<BackendId, BackendLoop> _loops = [];
    private readonly Dictionary<BackendId, Task> _removals = [];
    private readonly CancellationTokenSource _stopping = new();
    private RecoveryPlan? _plan;
    private Task _housekeeping = Task.CompletedTask;
    private Stage _stage;

    /// <param name="pools">Is told of every backend's status.</param>
    /// <param name="loops">Is told that the loops go on.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Where to log.</param>
    /// <param name="state">Where outages and child processes are kept; stays the caller's to dispose, after this.</param>
    public RecoveryService(PoolTable pools, LoopRegistry loops, TimeProvider time, ILoggerFactory loggers, StateDirectory state)
    {
        var logger = loggers.CreateLogger("Sentinel.Recovery");
        var clock = new SteadyClock(time);
        var meter = new RecoveryMeter();
        _room = new(
            pools,
            loops,
            time,
            clock,
            new Prober(time, loops, logger),
            new OutageLog(Path.Combine(state.Path, "outages"), time, logger),
            new DrainedList(Path.Combine(state.Path, "drained.json"), logger),
            meter,
            alert => AlertRaised?.Invoke(alert),
            logger);
        _processes = new ProcessCloud(Path.Combine(state.Path, "processes"), time, loops, logger);
        var pipeline = CloudPipeline.Build<CloudOutcome>(
            ProcessCloud.Name, time, ProcessCloud.Pipeline, outcome => outcome.Result is CloudResult.Fault);
        _gce = new GceCloud(Path.Combine(state.Path, "instances"), meter, time, loops, logger)
        {
            Trouble = detail => AlertRaised?.Invoke(new(OutageAlert.Capacity, clock.Now, null, null, Refusal.Permission.ToName(), detail, null)),
        };
        _clouds = new() { [ProcessCloud.Name] = new MeasuredCloud(_processes, pipeline, meter, time), [GceCloud.Name] = _gce };
    }

    private enum Stage
    {
        New,
        Running,
        Stopped,
    }

    /// <summary>Something that people who are elsewhere should hear of. Called by loops: be quick and do not throw.</summary>
    public event Action<RecoveryAlert>? AlertRaised;

    /// <summary>The flight recorder.</summary>
    public OutageLog Outages => _room.Outages;

    /// <summary>Looks whether these settings can be put in force; changes nothing.</summary>
    /// <param name="gce">How Compute Engine is reached; null: as on a machine of its own.</param>
    public RecoveryPlan Prepare(IReadOnlyList<BackendSettings> backends, GceSettings? gce = null)
    {
        var errors = new List<string>();
        foreach (var backend in backends)
        {
            if (backend.Instance is { } instance)
            {
                if (!_clouds.ContainsKey(instance.Provider))
                {
                    errors.Add($"backends.{backend.Definition.Id}.instance: found \"{instance}\", expected an instance of {string.Join(" or ", _clouds.Keys)}");
                }
                else if (instance.Provider == ProcessCloud.Name && backend.Process is null)
                {
                    errors.Add($"backends.{backend.Definition.Id}.command: found nothing, expected the command of {instance}");
                }
            }
        }

        errors.AddRange(backends.Where(backend => backend.Instance is not null).GroupBy(backend => backend.Instance!.Value).Where(group => group.Count() > 1).Select(
            group => $"backends.{group.Last().Definition.Id}.instance: found \"{group.Key}\", which {group.First().Definition.Id} has already"));
        return new(backends, gce ?? new(), errors);
    }

    /// <summary>
    /// Puts settings in force. Backends that are the same never notice; one whose instance is another is a new one; a
    /// process VM that is gone from the settings is stopped; another command counts from its next start.
    /// </summary>
    public void Commit(RecoveryPlan plan)
    {
        if (plan.Errors.Count > 0)
        {
            throw new ArgumentException("A plan with errors cannot be committed.", nameof(plan));
        }

        lock (_lock)
        {
            _plan = plan;
            if (_stage is Stage.Running)
            {
                Apply(plan);
            }
        }
    }

    /// <summary>Reads what earlier daemons left, takes over child processes that still run, clears away what is left of others, and begins.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var plan = _plan ?? throw new InvalidOperationException("Nothing was committed yet.");
        await Task.Run(_room.Outages.Load, cancellationToken).ConfigureAwait(false);
        _room.Drained.Load();
        await CloseForgottenAsync(plan).ConfigureAwait(false);
        await _processes.OpenAsync(ProcessesOf(plan), cancellationToken).ConfigureAwait(false);
        _room.Prober.Start();
        _room.Pools.DialFailed += _room.Prober.ProbeNow;
        lock (_lock)
        {
            _stage = Stage.Running;
            Apply(_plan);
        }

        _housekeeping = KeepHouseAsync();
    }

    /// <summary>Ends in order: first nobody decides any more, then the process VMs are stopped.</summary>
    /// <param name="cancellationToken">Ends their time to finish: they are killed.</param>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (await EndLoopsAsync().ConfigureAwait(false))
        {
            await _processes.CloseAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Ends in order, and process VMs go on: the next daemon takes them over.</summary>
    public Task LeaveAsync() => EndLoopsAsync();

    /// <summary>Stops without ado if it was not stopped in order.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
        foreach (var cloud in _clouds.Values)
        {
            await cloud.DisposeAsync().ConfigureAwait(false);
        }

        _room.Meter.Dispose();
        _stopping.Dispose();
    }

    /// <summary>Asks for something to be done about a backend.</summary>
    public async Task<RequestOutcome> RequestAsync(BackendId backend, OperatorRequest request, CancellationToken cancellationToken)
    {
        BackendLoop? loop;
        lock (_lock)
        {
            if (!_loops.TryGetValue(backend, out loop))
            {
                return new(RequestResult.UnknownBackend);
            }
        }

        var refusal = await loop.AskAsync(request).WaitAsync(cancellationToken).ConfigureAwait(false);
        return refusal is null ? new(RequestResult.Accepted) : new(RequestResult.Refused, refusal);
    }

    /// <summary>A VM says that it will be preempted: nothing new goes there, and the next of its pool takes over.</summary>
    /// <param name="instance">As the configuration writes it.</param>
    /// <param name="at">When it was told so, by the sentinel's clock.</param>
    /// <returns>Whose VM it is; null if nobody's.</returns>
    public BackendId? Notice(string instance, DateTimeOffset at)
    {
        BackendLoop? loop;
        lock (_lock)
        {
            loop = _loops.Values.FirstOrDefault(known => known.Settings.Instance?.ToString() == instance);
        }

        loop?.Post(new PreemptionNoticed(_room.Clock.Now, $"it was told at {at.UtcDateTime:HH:mm:ss} that it will be preempted"));
        return loop?.Id;
    }

    /// <summary>What is on record of a backend; null if none of that name is configured.</summary>
    public OutageHistory? HistoryOf(BackendId backend)
    {
        BackendLoop? loop;
        lock (_lock)
        {
            if (!_loops.TryGetValue(backend, out loop))
            {
                return null;
            }
        }

        return _room.Outages.HistoryOf(backend) with { Ran = loop.Ran, Prices = loop.Settings.Prices };
    }

    /// <returns>False if they have ended already.</returns>
    private async Task<bool> EndLoopsAsync()
    {
        BackendLoop[] loops;
        Task[] removals;
        lock (_lock)
        {
            if (_stage is Stage.Stopped)
            {
                return false;
            }

            _stage = Stage.Stopped;
            loops = [.. _loops.Values];
            removals = [.. _removals.Values];
            _loops.Clear();
        }

        _room.Pools.DialFailed -= _room.Prober.ProbeNow;
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _housekeeping.ConfigureAwait(false);
        await Task.WhenAll(loops.Select(loop => loop.DisposeAsync().AsTask()).Concat(removals)).ConfigureAwait(false);
        await _room.Prober.DisposeAsync().ConfigureAwait(false);
        await _room.Outages.RetryAsync().ConfigureAwait(false);
        return true;
    }

    private static Dictionary<InstanceName, ProcessSettings> ProcessesOf(RecoveryPlan plan) => plan.Backends
        .Where(backend => backend.Instance?.Provider == ProcessCloud.Name)
        .ToDictionary(backend => backend.Instance!.Value, backend => backend.Process!);

    // Under the lock.
    private void Apply(RecoveryPlan plan)
    {
        _gce.Configure(plan.Gce, plan.Backends.Where(backend => backend.Instance?.Provider == GceCloud.Name)
            .ToDictionary(backend => backend.Instance!.Value, backend => new GceWishes(backend.Policy.Fallbacks)));
        _processes.Configure(ProcessesOf(plan));
        var wanted = plan.Backends.ToDictionary(backend => backend.Definition.Id);
        foreach (var (id, loop) in _loops.ToArray())
        {
            if (!wanted.TryGetValue(id, out var settings) || settings.Instance != loop.Settings.Instance)
            {
                _loops.Remove(id);
                _removals[id] = RemoveAsync(loop);
            }
            else if (settings != loop.Settings)
            {
                loop.Reconfigure(settings);
            }
        }

        foreach (var settings in plan.Backends)
        {
            if (!_loops.ContainsKey(settings.Definition.Id))
            {
                Add(settings);
            }
        }
    }

    private void Add(BackendSettings settings)
    {
        // One of the same name may still be on its way out, its outage not yet closed.
        if (_removals.TryGetValue(settings.Definition.Id, out var removal) && !removal.IsCompleted)
        {
            _ = removal.ContinueWith(_ => AddLater(settings), TaskScheduler.Default);
            return;
        }

        var loop = new BackendLoop(_room, settings, settings.Instance is { } instance ? _clouds[instance.Provider] : null);
        _loops.Add(settings.Definition.Id, loop);
        loop.Start();
    }

    private void AddLater(BackendSettings settings)
    {
        lock (_lock)
        {
            if (_stage is Stage.Running && _plan!.Backends.Contains(settings) && !_loops.ContainsKey(settings.Definition.Id))
            {
                Add(settings);
            }
        }
    }

    private async Task RemoveAsync(BackendLoop loop)
    {
        try
        {
            await loop.RemoveAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Log.RemoveFailed(_room.Logger, e, loop.Id);
        }
    }

    /// <summary>Outages of backends that left the configuration while no daemon ran.</summary>
    private async Task CloseForgottenAsync(RecoveryPlan plan)
    {
        var configured = plan.Backends.ToDictionary(backend => backend.Definition.Id.Name, backend => backend.Instance?.ToString());
        foreach (var record in _room.Outages.Open().Where(record => !configured.TryGetValue(record.Backend, out var instance) || instance != record.Instance))
        {
            var now = _room.Clock.Now;
            var closed = record.ToOutage().With(new(now, OutageMark.Removed, OutageSource.Operator, "no longer configured")) with { ClosedAt = now, NextAttempt = null };
            await _room.Outages.WriteAsync(OutageRecord.Of(new(record.Backend), record.Instance, closed)).ConfigureAwait(false);
        }
    }

    private async Task KeepHouseAsync()
    {
        using var progress = _room.Loops.Add("recovery.housekeeping");
        using var timer = new PeriodicTimer(Round, _room.Time);
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                while (await timer.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false))
                {
                    progress.Beat();
                    FollowClock();
                    await _room.Outages.RetryAsync().ConfigureAwait(false);
                }
            }
            catch (Exception e) when (!_stopping.IsCancellationRequested)
            {
                Log.RoundFailed(_room.Logger, e);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private void FollowClock()
    {
        if (_room.Clock.Follow() is var by && by != TimeSpan.Zero)
        {
            Log.ClockSet(_room.Logger, by.TotalSeconds);
            lock (_lock)
            {
                foreach (var loop in _loops.Values)
                {
                    loop.Post(new ClockStepped(_room.Clock.Now, by));
                }
            }
        }
    }
}
