using Sentinel.Recovery.Clouds.Gce.Wire;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>What is told of a VM, given its status and what is known of the reasons.</summary>
internal sealed partial class GceZone
{
    /// <summary>How long a VM that is down is kept back while nobody says why: lists are incomplete at times, and what a person stopped must not be started.</summary>
    private static readonly TimeSpan Puzzle = TimeSpan.FromSeconds(15);

    /// <summary>Operations are kept for two weeks. What stopped longer ago than this, and nobody says why, may well have been stopped by a person.</summary>
    private static readonly TimeSpan Forgotten = TimeSpan.FromDays(7);

    private async Task JudgeAsync(GceClient client, GceVm vm, GceInstance? instance, Func<bool> mayAsk)
    {
        var isGone = false;
        if (instance is null)
        {
            // Lists have been incomplete: only the instance itself is evidence.
            if (!mayAsk())
            {
                return;
            }

            var answer = await client.InstanceAsync(_zone, vm.Name.Name, _stopping.Token).ConfigureAwait(false);
            if (answer.Refusal is { Result: not CloudResult.NotFound })
            {
                return;
            }

            (instance, isGone) = (answer.Value, answer.Refusal is not null);
        }

        if (instance is not null)
        {
            vm.Seen = instance;
        }

        await JudgeAsync(client, vm, isGone ? "GONE" : instance!.Status, mayAsk).ConfigureAwait(false);
    }

    private async Task JudgeAsync(GceClient client, GceVm vm, string status, Func<bool> mayAsk)
    {
        var run = vm.Seen is { } seen ? GceVm.RunOf(seen) : default;
        var condition = status switch
        {
            "PROVISIONING" or "STAGING" or "RUNNING" or "PENDING" => InstanceCondition.Running,
            "STOPPING" or "PENDING_STOP" or "SUSPENDING" or "DEPROVISIONING" => InstanceCondition.Stopping,
            "STOPPED" or "TERMINATED" or "SUSPENDED" => InstanceCondition.Stopped,
            "GONE" => InstanceCondition.Gone,
            _ => InstanceCondition.Unseen,
        };
        var isInMotion = condition is InstanceCondition.Stopping || status is "PROVISIONING" or "STAGING" or "PENDING";
        if (isInMotion && !vm.IsInMotion)
        {
            vm.MovesSince = _time.GetTimestamp();
        }

        vm.IsInMotion = isInMotion;
        if (isInMotion || condition is InstanceCondition.Stopped or InstanceCondition.Gone)
        {
            vm.ExpectedSince = 0;
        }

        if (condition is InstanceCondition.Running or InstanceCondition.Unseen)
        {
            vm.PuzzledSince = null;

            // What boots does not answer yet, and what it will be called is known when it runs.
            if (condition is InstanceCondition.Unseen || status == "RUNNING")
            {
                vm.Tell(new(
                    condition, run, vm.Seen!.NetworkInterfaces is [var first, ..] ? first.NetworkIP : null, OnDemand: vm.Seen.Scheduling?.ProvisioningModel == "STANDARD"));
            }

            return;
        }

        var why = Find(vm);
        if (condition is InstanceCondition.Stopping)
        {
            vm.Tell(new(condition, run, null, why is { } known ? new(known.Cause, null, known.Detail) : null));
            return;
        }

        if (why is null && mayAsk() && await client.OperationsOfAsync(_zone, vm.Name.Name, _stopping.Token).ConfigureAwait(false) is { Value.Items: { } operations })
        {
            AddAll(operations);
            why = Find(vm) ?? (vm.Seen is null ? FindLast(operations) : null);
        }

        vm.PuzzledSince ??= _time.GetTimestamp();
        if (why is null && (!_knowsReasons || _time.GetElapsedTime(vm.PuzzledSince.Value) < Puzzle))
        {
            _isPuzzled = true;
            vm.Tell(new(InstanceCondition.Stopping, run));
            (vm.IsInMotion, vm.MovesSince) = (true, vm.PuzzledSince.Value);
            return;
        }

        if (why is null && vm.Seen is { LastStopTimestamp: { } last } && _time.GetUtcNow() - last > Forgotten)
        {
            why = (OutageCause.User, $"it has been down since {last:yyyy-MM-dd} and nobody knows why any more: release it if it should run");
        }

        var stoppedAt = vm.Seen?.LastStopTimestamp is { } at && at.ToUnixTimeMilliseconds() > run.Order ? at : (DateTimeOffset?)null;
        vm.Tell(new(condition, run, null, new(why?.Cause ?? OutageCause.Unknown, stoppedAt < _time.GetUtcNow() ? stoppedAt : null, why?.Detail ?? $"it is {status} and nothing says why")));
    }

    private (OutageCause Cause, string Detail)? FindLast(IReadOnlyList<GceOperation> operations)
    {
        lock (_lock)
        {
            return _evidence.FindLast(operations);
        }
    }

    private (OutageCause Cause, string Detail)? Find(GceVm vm)
    {
        lock (_lock)
        {
            return vm.Seen is { } seen ? _evidence.Find(seen.Id, GceVm.StartOf(seen), RequestId.ForStop(vm.Home, GceVm.RunOf(seen))) : null;
        }
    }
}
