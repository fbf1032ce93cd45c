using System.Threading.Channels;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Recovery.Clouds;
using Sentinel.Recovery.Outages;
using Sentinel.Recovery.Recording;
using Sentinel.Recovery.Watching;

namespace Sentinel.Recovery;

/// <summary>
/// The mailbox of one backend. Takes one event at a time, asks the step, publishes, writes the record, and only then has
/// done what follows; what comes of that returns as events. No effect is waited for, and none runs beside another.
/// </summary>
internal sealed class BackendLoop : IAsyncDisposable
{
    /// <summary>Between signs of life while nothing happens.</summary>
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(5);

    /// <summary>While connections are counted down.</summary>
    private static readonly TimeSpan DrainBeat = TimeSpan.FromMilliseconds(250);

    /// <summary>A disk that hangs must not keep a backend down.</summary>
    private static readonly TimeSpan DiskPatience = TimeSpan.FromSeconds(5);

    private readonly RecoveryRoom _room;
    private readonly ICloud? _cloud;
    private readonly BackendFigures _figures;
    private readonly LoopProgress _progress;
    private readonly Channel<Letter> _mailbox = Channel.CreateUnbounded<Letter>(new() { SingleReader = true });
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _oneRequest = new(1);
    private readonly ITimer _timer;
    private BackendSettings _settings;
    private OutagePolicy _policy;
    private OutageState _state;
    private string? _address;
    private readonly WaitsTally _waits;
    private long _ranAt;
    private RunTime _ran;
    private IDisposable? _watch;
    private Task _loop = Task.CompletedTask;
    private Task _effects = Task.CompletedTask;

    /// <param name="cloud">Null for a backend without an instance.</param>
    public BackendLoop(RecoveryRoom room, BackendSettings settings, ICloud? cloud)
    {
        (_room, _cloud) = (room, cloud);
        (_settings, _policy) = (settings, PolicyOf(settings));
        _figures = room.Meter.Add(Id);
        _progress = room.Loops.Add($"recovery.{Id}");
        _timer = room.Time.CreateTimer(_ => Tick(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        var outages = room.Outages.Of(Id);
        var begun = OutageStep.Begin(
            Id,
            room.Clock.Now,
            outages.LastOrDefault(outage => outage.ClosedAt is null)?.ToOutage(),
            room.Drained.Contains(Id.Name),
            [.. outages.Where(outage => outage.Cause is not OutageCause.NotStarted).Select(outage => outage.OpenedAt).TakeLast(100)]);
        _state = begun.State;
        _waits = new(room.Pools, Id, outages.LastOrDefault(outage => outage.ClosedAt is null));
        _ranAt = room.Time.GetTimestamp();
        _mailbox.Writer.TryWrite(new Letter(null, begun, null));
    }

    public BackendId Id => _settings.Definition.Id;

    public BackendSettings Settings => Volatile.Read(ref _settings);

    /// <summary>As of the last event.</summary>
    public OutageState State => Volatile.Read(ref _state);

    /// <summary>How long it ran so far.</summary>
    public RunTime Ran
    {
        get
        {
            lock (_waits)
            {
                return _ran;
            }
        }
    }

    /// <summary>Begins; what is known already was posted before.</summary>
    public void Start()
    {
        _loop = RunAsync();
        if (_cloud is not null)
        {
            if (_state.Outage?.StoppedByUs is { } stopped)
            {
                _cloud.Own(_settings.Instance!.Value, StopOf(stopped));
            }

            _watch = _cloud.Watch(_settings.Instance!.Value, report => Post(EventOf(report)));
        }

        Probe(_settings.Health);
    }

    /// <summary>Tells it something.</summary>
    public void Post(OutageEvent e) => _mailbox.Writer.TryWrite(new Letter(e, null, null));

    /// <summary>Asks for something on behalf of a person.</summary>
    /// <returns>Null if it is being done; else why it makes no sense now.</returns>
    public Task<string?> AskAsync(OperatorRequest request)
    {
        var answer = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        return _mailbox.Writer.TryWrite(new Letter(new OperatorAsked(_room.Clock.Now, request), null, answer))
            ? answer.Task
            : Task.FromResult<string?>("the daemon is stopping");
    }

    /// <summary>Goes on under other settings; its instance must be the same.</summary>
    public void Reconfigure(BackendSettings settings)
    {
        var before = _settings;
        Volatile.Write(ref _settings, settings);
        Volatile.Write(ref _policy, PolicyOf(settings));
        if (before.Health != settings.Health || before.Definition.Address != settings.Definition.Address)
        {
            _room.Prober.Remove(Id);
            Probe(settings.Health);
        }

        Tick();
    }

    /// <summary>Ends for good: the backend is no longer configured.</summary>
    public async Task RemoveAsync()
    {
        Post(new Removed(_room.Clock.Now));
        _mailbox.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
        await WaitAsync(_room.Drained.SetAsync(Id.Name, isDrained: false), "drained.json").ConfigureAwait(false);
        await DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Ends with the daemon: an outage that is on stays open on record, and goes on with the next daemon.</summary>
    public async ValueTask DisposeAsync()
    {
        _mailbox.Writer.TryComplete();
        await _stopping.CancelAsync().ConfigureAwait(false);
        _watch?.Dispose();
        _room.Prober.Remove(Id);
        await _timer.DisposeAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        await _effects.ConfigureAwait(false);
        _progress.Dispose();
        _room.Meter.Remove(Id, _figures);
        _stopping.Dispose();
        _oneRequest.Dispose();
    }

    private static OutagePolicy PolicyOf(BackendSettings settings) => settings.Policy with
    {
        CanStart = settings.Instance is not null,
        Recreate = settings.Policy.Recreate ?? (settings.Instance?.Provider == Clouds.Gce.GceCloud.Name ? new Recreation() : null),
        Probed = settings.Health is not null,
        HealthyAfter = settings.Health?.HealthyAfter ?? 1,
        UnhealthyAfter = settings.Health?.UnhealthyAfter ?? 1,
    };

    private async Task RunAsync()
    {
        await Task.Yield();
        await foreach (var letter in _mailbox.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
        {
            _progress.Beat();
            try
            {
                var policy = Volatile.Read(ref _policy);
                var decision = letter.Begun ?? OutageStep.Apply(_state, letter.Event!, policy);
                await TakeAsync(decision).ConfigureAwait(false);
                letter.Answer?.TrySetResult(decision.Refusal);
                ArrangeTick(policy);
            }
            catch (Exception e)
            {
                letter.Answer?.TrySetException(e);
                Log.EventFailed(_room.Logger, e, Id, letter.Event?.GetType().Name ?? "the beginning");
                _timer.Change(Beat, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private async Task TakeAsync(Decision decision)
    {
        var (before, after) = (_state, decision.State);
        CountRunTime(before);
        Volatile.Write(ref _state, after);
        if (after.Outage is { } begun && begun.Id != before.Outage?.Id)
        {
            _waits.Begin();
        }

        Publish(before, after);
        if (before.Draining != after.Draining)
        {
            await WaitAsync(_room.Drained.SetAsync(Id.Name, after.Draining), "drained.json").ConfigureAwait(false);
        }

        if (decision.Ended is { } ended)
        {
            _room.Meter.CountOutage(Id, ended.Duration!.Value);
            await RecordAsync(ended).ConfigureAwait(false);
        }

        if (after.Outage is { IsQuiet: false } outage && !ReferenceEquals(outage, before.Outage))
        {
            _figures.CountPreemptions(outage.Preemptions - (before.Outage?.Id == outage.Id ? before.Outage.Preemptions : 0));
            await RecordAsync(outage).ConfigureAwait(false);
        }

        if (_waits.News() is { } news)
        {
            await RecordAsync(news).ConfigureAwait(false);
        }

        foreach (var effect in decision.Effects)
        {
            Do(effect, after, decision.Ended ?? after.Outage ?? before.Outage);
        }
    }

    private Task RecordAsync(Outage outage) =>
        RecordAsync(_waits.Fill(OutageRecord.Of(Id, _settings.Instance?.ToString(), outage) with { OnDemand = _state.OnDemand }));

    private Task RecordAsync(OutageRecord record) => WaitAsync(_room.Outages.WriteAsync(record), record.Id);

    private async Task WaitAsync(Task writing, string what)
    {
        try
        {
            await writing.WaitAsync(DiskPatience, _room.Time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            Log.RecordSlow(_room.Logger, Id, what, DiskPatience.TotalSeconds);
        }
    }

    private void CountRunTime(OutageState before)
    {
        var now = _room.Time.GetTimestamp();
        lock (_waits)
        {
            (_ran, _ranAt) = (_ran.After(_room.Time.GetElapsedTime(_ranAt, now), before.Instance is InstanceSight.Running, before.OnDemand), now);
        }
    }

    private void Publish(OutageState before, OutageState after)
    {
        // What the configuration says goes before what the cloud says; the table puts the status first.
        var address = _settings.Definition.Address is null ? after.Address : null;
        Volatile.Write(ref _address, _settings.Definition.Address ?? after.Address);
        (_figures.Healthy, _figures.State) = (after.Healthy, after.Shown);
        _room.Pools.Report(Id, new BackendStatus(after.Shown, after.Healthy, after.Since, after.Reason, address));
        _room.Prober.Hurry(Id, ProbePace.IsPending(after, _room.Clock.Now));
        if (before.Shown != after.Shown || before.Healthy != after.Healthy)
        {
            Log.StateChanged(_room.Logger, Id, before.Shown.ToName(), after.Shown.ToName(), after.Healthy, after.Reason);
        }
    }

    private void Do(OutageEffect effect, OutageState state, Outage? outage)
    {
        switch (effect)
        {
            case StartInstance start:
                _effects = Task.WhenAll(_effects, AttemptAsync("start", start.Ticket, RequestId.For(_settings.Instance!.Value, "start", start.Ended, start.Attempt), _cloud!.StartAsync));
                break;
            case RecreateInstance again:
                _effects = Task.WhenAll(_effects, AttemptAsync(
                    "recreate", again.Ticket, RequestId.For(_settings.Instance!.Value, "recreate", again.Ended, again.Attempt),
                    (vm, requestId, token) => _cloud!.RecreateAsync(vm, again.From, requestId, token)));
                break;
            case FallBack fallback:
                _effects = Task.WhenAll(_effects, AttemptAsync(
                    "fallback", fallback.Ticket, RequestId.For(_settings.Instance!.Value, "fallback", fallback.Ended, fallback.Attempt),
                    (vm, requestId, token) => _cloud!.FallBackAsync(vm, fallback.As, fallback.From, requestId, token)));
                break;
            case StopInstance stop:
                _effects = Task.WhenAll(_effects, AttemptAsync("stop", stop.Ticket, StopOf(stop.Running), _cloud!.StopAsync));
                break;
            case ResetInstance reset:
                _effects = Task.WhenAll(_effects, AttemptAsync("reset", reset.Ticket, RequestId.For(_settings.Instance!.Value, "reset", reset.Running, reset.Attempt), _cloud!.ResetAsync));
                break;
            case Observe observe:
                _cloud?.Refresh(_settings.Instance!.Value, observe.Closely);
                break;
            case ProbeNow:
                _room.Prober.ProbeNow(Id);
                break;
            case TellPeople tell:
                _room.Alert(new(tell.Kind, _room.Clock.Now, Id, outage?.Id, tell.Reason, tell.Detail, (_room.Clock.Now - outage?.BeganAt)?.TotalSeconds));
                break;
            case Noted noted:
                OutageTelling.Tell(_room.Logger, Id, noted.Entry, outage);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(effect), effect, $"in {state.Phase}");
        }
    }

    private Guid StopOf(Incarnation running) => RequestId.ForStop(_settings.Instance!.Value, running);

    private async Task AttemptAsync(string action, long ticket, Guid requestId, Func<InstanceName, Guid, CancellationToken, Task<CloudOutcome>> ask)
    {
        try
        {
            // The step has one request out at a time; an answer that it gave up on may still be on its way here.
            await _oneRequest.WaitAsync(_stopping.Token).ConfigureAwait(false);
            try
            {
                CallTrace.Listen((method, result, took) => Post(new CloudCalled(_room.Clock.Now, method, result.ToName(), took)));
                var outcome = await ask(_settings.Instance!.Value, requestId, _stopping.Token).ConfigureAwait(false);
                _figures.CountAttempt(action, outcome.Result);
                Post(outcome.IsGood
                    ? new AttemptAccepted(_room.Clock.Now, ticket, outcome.Detail)
                    : new AttemptRefused(_room.Clock.Now, ticket, RefusalOf(outcome.Result), outcome.Detail));
            }
            finally
            {
                _oneRequest.Release();
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // the next daemon finds out what came of it
        }
        catch (Exception e)
        {
            Log.RequestFailed(_room.Logger, e, action, Id);
            Post(new AttemptRefused(_room.Clock.Now, ticket, Refusal.Passing, e.Message));
        }
    }

    internal static Refusal RefusalOf(CloudResult result) => result switch
    {
        CloudResult.NoCapacity => Refusal.NoCapacity,
        CloudResult.Quota => Refusal.Quota,
        CloudResult.Forbidden => Refusal.Permission,
        CloudResult.NotFound => Refusal.Gone,
        CloudResult.Misconfigured => Refusal.Misconfigured,
        _ => Refusal.Passing,
    };

    private OutageEvent EventOf(InstanceReport report) => report.Condition switch
    {
        InstanceCondition.Running => new InstanceRunning(_room.Clock.Now, report.Incarnation, report.Address, report.OnDemand),
        InstanceCondition.Stopping => new InstanceStopping(_room.Clock.Now, report.Incarnation, report.Stop?.Cause ?? OutageCause.Unknown),
        InstanceCondition.Stopped or InstanceCondition.Gone => new InstanceStopped(
            _room.Clock.Now,
            report.Incarnation,
            report.Stop?.Cause ?? (report.Condition is InstanceCondition.Gone ? OutageCause.Deleted : OutageCause.Unknown),
            report.Stop?.At,
            report.Stop?.Detail ?? "it is down",
            IsGone: report.Condition is InstanceCondition.Gone),
        _ => new InstanceUnseen(_room.Clock.Now),
    };

    private void Probe(HealthSettings? health)
    {
        if (health is not null)
        {
            _room.Prober.Add(Id, health, () => Volatile.Read(ref _address) ?? Settings.Definition.Address, result =>
            {
                _figures.CountCheck(result.Passed);
                var now = _room.Clock.Now;
                var begun = now - result.Took;
                Post(result.Passed ? new ProbePassed(now, begun) : new ProbeFailed(now, begun, result.Why));
            });
        }
    }

    private void Tick() => Post(new Ticked(_room.Clock.Now, _room.Pools.Current.Backends.GetValueOrDefault(Id)?.Load.Connections ?? 0));

    private void ArrangeTick(OutagePolicy policy)
    {
        var wait = _state is { Draining: true, Drained: false, IsServing: true } || _waits.IsSettling ? DrainBeat : Beat;
        if (OutageStep.NextDue(_state, policy) - _room.Clock.Now is { } due && due < wait)
        {
            wait = due > TimeSpan.Zero ? due : TimeSpan.Zero;
        }

        // Timers count milliseconds and round down: early would mean once more.
        _timer.Change(wait + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
    }

    /// <param name="Event">What happened; null only for the beginning.</param>
    /// <param name="Begun">What the beginning decided.</param>
    /// <param name="Answer">Who waits for the answer.</param>
    private readonly record struct Letter(OutageEvent? Event, Decision? Begun, TaskCompletionSource<string?>? Answer);
}
