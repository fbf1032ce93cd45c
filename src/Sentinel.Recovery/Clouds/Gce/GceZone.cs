using Microsoft.Extensions.Logging;
using Sentinel.Backends.Progress;
using Sentinel.Recovery.Clouds.Gce.Wire;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>
/// Watches one zone: one list of instances and one of operations each round, however many VMs. The instance's own status is
/// the check; operations only say why. Instances are listed first, so that whoever stopped one was there to be seen.
/// </summary>
internal sealed partial class GceZone : IAsyncDisposable
{
    /// <summary>The shortest pause between two rounds, and the pause while something is about to change.</summary>
    private static readonly TimeSpan Quick = TimeSpan.FromSeconds(1);

    /// <summary>Something that takes longer is looked at in peace again.</summary>
    private static readonly TimeSpan MovesFor = TimeSpan.FromMinutes(2);

    /// <summary>Questions about single VMs in one round.</summary>
    private const int SingleQuestions = 10;

    private const int FailuresBeforeBlind = 3;
    /// <summary>Between two lists of full descriptions, which are long.</summary>
    private static readonly TimeSpan DescribeAgain = TimeSpan.FromMinutes(1);

    /// <summary>A disk that hangs must not keep us from looking.</summary>
    private static readonly TimeSpan DiskPatience = TimeSpan.FromSeconds(5);

    private const int OperationPage = 100;
    private const int OperationPages = 20;

    private readonly string _zone;
    private readonly Func<GceClient> _client;
    private readonly Func<InstanceName, GceWishes> _wishes;
    private readonly GceMemory _memory;
    private readonly Action<string> _trouble;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, GceVm> _vms = [];
    private readonly StopEvidence _evidence;
    private readonly CancellationTokenSource _stopping = new();
    private readonly LoopProgress _progress;
    private readonly Task _loop;
    private TaskCompletionSource _sooner = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _failures;
    private bool _hasHistory;
    private bool _isPuzzled;
    private bool _knowsReasons;
    private long _fullRoundAt;
    private long _describedAt;

    public GceZone(
        string zone, Func<GceClient> client, Func<TimeSpan> interval, Func<InstanceName, GceWishes> wishes, GceMemory memory, Action<string> trouble, TimeProvider time, LoopRegistry loops, ILogger logger)
    {
        (_zone, _client, _wishes, _memory, _trouble, _time, _logger) = (zone, client, wishes, memory, trouble, time, logger);
        _evidence = new(time);

        // A round has thirty seconds for each call with its retries, and may make several.
        _progress = loops.Add($"recovery.gce.{zone}", TimeSpan.FromMinutes(5));

        // a zone that is first needed in the middle of an attempt must not go on telling that attempt of its requests
        using (ExecutionContext.IsFlowSuppressed() ? (IDisposable?)null : ExecutionContext.SuppressFlow())
        {
            _loop = Task.Run(() => RunAsync(interval));
        }
    }

    /// <param name="home">Its name in the configuration.</param>
    public GceVm Add(InstanceName name, InstanceName home)
    {
        lock (_lock)
        {
            if (!_vms.TryGetValue(name.Name, out var vm))
            {
                _vms[name.Name] = vm = new(name, home);
            }

            vm.Watchers++;
            Hurry();
            return vm;
        }
    }

    public void Remove(GceVm vm)
    {
        lock (_lock)
        {
            if (--vm.Watchers == 0)
            {
                _vms.Remove(vm.Name.Name);
            }
        }
    }

    /// <summary>Looks at once, and tells of this VM whatever is seen.</summary>
    /// <param name="closely">Goes on looking as often as may be, until it stops or a while has passed.</param>
    public void Refresh(string name, bool closely)
    {
        lock (_lock)
        {
            if (_vms.TryGetValue(name, out var vm))
            {
                vm.Repeat();
                vm.ExpectedSince = closely ? _time.GetTimestamp() : vm.ExpectedSince;
                Hurry();
            }
        }
    }

    /// <summary>A request of our own: what it stops was stopped by us.</summary>
    public void AddOwn(Guid requestId)
    {
        lock (_lock)
        {
            _evidence.AddOwn(requestId);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _progress.Dispose();
        _stopping.Dispose();
    }

    // Under the lock.
    private void Hurry() => _sooner.TrySetResult();

    private async Task RunAsync(Func<TimeSpan> interval)
    {
        await Task.Yield();
        while (!_stopping.IsCancellationRequested)
        {
            _progress.Beat();
            var begun = _time.GetTimestamp();
            var looked = true;
            try
            {
                looked = await LookAsync(interval()).ConfigureAwait(false);
            }
            catch (Exception e) when (!_stopping.IsCancellationRequested)
            {
                Log.RoundFailed(_logger, e, _zone);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await PauseAsync(begun, interval(), looked).ConfigureAwait(false);
        }
    }

    private async Task PauseAsync(long begun, TimeSpan interval, bool looked)
    {
        Task sooner;
        bool isMoving;
        lock (_lock)
        {
            if (_sooner.Task.IsCompleted)
            {
                _sooner = new(TaskCreationOptions.RunContinuationsAsynchronously);
                sooner = Task.CompletedTask;
            }
            else
            {
                sooner = _sooner.Task;
            }

            isMoving = _vms.Values.Any(vm => (vm.IsInMotion && _time.GetElapsedTime(vm.MovesSince) < MovesFor) || (vm.ExpectedSince != 0 && _time.GetElapsedTime(vm.ExpectedSince) < MovesFor));
        }

        if (looked)
        {
            await DelayAsync(begun + Ticks(Quick < interval ? Quick : interval)).ConfigureAwait(false);
        }

        if (!isMoving && !sooner.IsCompleted)
        {
            await Task.WhenAny(sooner, DelayAsync(begun + Ticks(interval))).ConfigureAwait(false);
        }
    }

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * _time.TimestampFrequency);

    private async Task DelayAsync(long until)
    {
        if (_time.GetElapsedTime(_time.GetTimestamp(), until) is var wait && wait > TimeSpan.Zero)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)), _time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <returns>Whether there was anything to look at.</returns>
    private async Task<bool> LookAsync(TimeSpan interval)
    {
        GceVm[] vms;
        lock (_lock)
        {
            vms = [.. _vms.Values];
        }

        if (vms.Length == 0)
        {
            return false;
        }

        var client = _client();
        var listed = await client.InstancesAsync(_zone, _stopping.Token).ConfigureAwait(false);
        if (listed.Refusal is { } refusal)
        {
            GoBlind(vms, refusal);
            return true;
        }

        // One that comes while pages are read may be on two of them. Rounds in between are for statuses; why something stopped is asked when something stopped.
        var byName = listed.Value!.DistinctBy(instance => instance.Name).ToDictionary(instance => instance.Name);
        var isFull = _fullRoundAt == 0 || _time.GetElapsedTime(_fullRoundAt) >= interval * 0.9;
        if (isFull || _isPuzzled || vms.Any(vm => byName.GetValueOrDefault(vm.Name.Name) is var now && IsDown(now) && now?.Status != vm.Seen?.Status))
        {
            _fullRoundAt = _time.GetTimestamp();
            await ReadOperationsAsync(client, vms).ConfigureAwait(false);
        }

        if (_failures >= FailuresBeforeBlind)
        {
            Log.SeesAgain(_logger, _zone);
        }

        (_failures, _isPuzzled) = (0, false);
        var questions = SingleQuestions;
        foreach (var vm in vms)
        {
            await JudgeAsync(client, vm, byName.GetValueOrDefault(vm.Name.Name), () => questions-- > 0).ConfigureAwait(false);
        }

        await DescribeAsync(client, vms).ConfigureAwait(false);
        return true;
    }

    private static bool IsDown(GceInstance? instance) => instance is null or { Status: "STOPPING" or "PENDING_STOP" or "STOPPED" or "TERMINATED" or "SUSPENDING" or "SUSPENDED" or "DEPROVISIONING" };

    private void GoBlind(GceVm[] vms, GceRefusal refusal)
    {
        _failures++;
        if (_failures == FailuresBeforeBlind || (_failures == 1 && refusal.Result is CloudResult.Forbidden))
        {
            Log.Blind(_logger, _zone, refusal.Detail);
            if (refusal.Result is CloudResult.Forbidden)
            {
                _trouble($"zone {_zone} cannot be watched: {refusal.Detail}");
            }
        }

        if (_failures >= FailuresBeforeBlind)
        {
            foreach (var vm in vms)
            {
                vm.Tell(new(InstanceCondition.Unseen, default));
            }
        }
    }

    private async Task ReadOperationsAsync(GceClient client, GceVm[] vms)
    {
        string? token = null;
        for (var page = 0; page < OperationPages; page++)
        {
            var answer = await client.OperationsAsync(_zone, OperationPage, token, _stopping.Token).ConfigureAwait(false);
            if (answer.Refusal is { } refusal)
            {
                if (_knowsReasons || !_hasHistory)
                {
                    Log.ReasonsUnreadable(_logger, _zone, refusal.Detail);
                    if (refusal.Result is CloudResult.Forbidden)
                    {
                        _trouble($"why VMs of zone {_zone} stop cannot be read: {refusal.Detail}");
                    }
                }

                (_knowsReasons, _hasHistory) = (false, true);
                return;
            }

            var operations = answer.Value!.Items ?? [];
            var news = AddAll(operations);
            token = answer.Value.NextPageToken;

            // The first time there is no telling where news end; what is further back is asked for by name.
            if (token is null || news == 0 || !_hasHistory)
            {
                break;
            }
        }

        (_knowsReasons, _hasHistory) = (true, true);
        lock (_lock)
        {
            _evidence.Forget(vms.Select(vm => vm.Seen?.Id).OfType<string>().ToHashSet());
        }
    }

    private int AddAll(IEnumerable<GceOperation> operations)
    {
        lock (_lock)
        {
            return operations.Count(_evidence.Add);
        }
    }
}
