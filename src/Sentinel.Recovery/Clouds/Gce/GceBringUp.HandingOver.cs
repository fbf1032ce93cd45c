using Sentinel.Recovery.Clouds.Gce.Wire;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>
/// Which of two disks counts, when one is a copy of the other. Two sentinels may be at it at once. Who moves a VM writes its
/// mark first and then looks whether the disk was attached again; who takes it home attaches it first and then looks for the
/// mark: one of the two always sees the other, and gives way.
/// </summary>
internal sealed partial class GceBringUp
{
    /// <summary>The copies count from here on.</summary>
    /// <param name="insert">The request that makes the VM with them.</param>
    private async Task<CloudOutcome> HandOverAsync(string origin, string target, Guid insert, IReadOnlyList<string> disks)
    {
        var mark = new GceHandover(target, insert.ToString());
        foreach (var name in disks)
        {
            var read = await ReadDiskAsync(origin, name).ConfigureAwait(false);
            if (read.Refusal is { } refusal)
            {
                return OutcomeOf(refusal);
            }

            if (GceHandover.Of(read.Value!) is { } earlier && await JudgeAsync(earlier, name).ConfigureAwait(false) is { Result: not (CloudResult.Done or CloudResult.NoCapacity) } obstacle)
            {
                return obstacle;
            }

            if (await LabelAsync(origin, read.Value!, mark.On(read.Value!), "hand over").ConfigureAwait(false) is { IsGood: false } failed)
            {
                return failed;
            }
        }

        foreach (var name in disks)
        {
            var read = await ReadDiskAsync(origin, name).ConfigureAwait(false);
            if (read.Refusal is { } refusal)
            {
                return OutcomeOf(refusal);
            }

            if (read.Value!.Users is { Count: > 0 } || GceHandover.Of(read.Value) != mark)
            {
                return new(CloudResult.NotReady, $"the disk {name} is wanted in {origin} again");
            }
        }

        return new(CloudResult.Done, "");
    }

    /// <summary>Nothing came of a move: the disks count again.</summary>
    private async Task TakeBackAsync(string origin, Guid insert, IReadOnlyList<string> disks)
    {
        foreach (var name in disks)
        {
            if (await ReadDiskAsync(origin, name).ConfigureAwait(false) is { Value: { } disk } && GceHandover.Of(disk)?.Insert == insert.ToString())
            {
                // Whoever needs the disk before this was done finds out for themselves.
                await LabelAsync(origin, disk, GceHandover.Off(disk), "take back").ConfigureAwait(false);
            }
        }
    }

    /// <summary>Whether a disk of this zone may be used here, though there may be a copy elsewhere.</summary>
    private async Task<CloudOutcome> ReclaimAsync(string zone, string name)
    {
        var read = await ReadDiskAsync(zone, name).ConfigureAwait(false);
        if (read.Refusal is { } refusal)
        {
            return refusal.Result is CloudResult.NotFound ? new(CloudResult.Misconfigured, refusal.Detail) : OutcomeOf(refusal);
        }

        if (GceHandover.Of(read.Value!) is not { } mark || mark.Zone == zone)
        {
            return new(CloudResult.Already, "");
        }

        return await JudgeAsync(mark, name).ConfigureAwait(false) is { IsGood: false } obstacle
            ? obstacle
            : await LabelAsync(zone, read.Value!, GceHandover.Off(read.Value!), "reclaim").ConfigureAwait(false);
    }

    /// <summary>What became of a move. It is over for good only if the request that was to make the VM is known to have failed.</summary>
    /// <returns>Good: the copy never ran. No capacity: it is on its way. Misconfigured: the copy was in use.</returns>
    private async Task<CloudOutcome> JudgeAsync(GceHandover mark, string disk)
    {
        var there = await _client.DescriptionAsync(mark.Zone, _vm.Name, _cancel).ConfigureAwait(false);
        if (there.Value is not null)
        {
            return new(CloudResult.Misconfigured, $"{_vm.Name} is in {mark.Zone}, and its data with it");
        }

        if (there.Refusal is { Result: not CloudResult.NotFound } refusal)
        {
            return OutcomeOf(refusal);
        }

        var operations = await _client.OperationsOfAsync(mark.Zone, _vm.Name, _cancel).ConfigureAwait(false);
        if (operations.Refusal is { } unread)
        {
            return OutcomeOf(unread);
        }

        if (operations.Value!.Items?.FirstOrDefault(operation => operation.ClientOperationId == mark.Insert) is { } insert)
        {
            return insert is { IsDone: true, Error: not null } ? new(CloudResult.Done, "")
                : insert.IsDone ? new(CloudResult.Misconfigured, mark.Describe(disk))
                : new(CloudResult.NotReady, $"{_vm.Name} is being made in {mark.Zone}");
        }

        var copies = await _client.DisksAsync(mark.Zone, _cancel).ConfigureAwait(false);
        return copies.Refusal is { } blind ? OutcomeOf(blind)
            : copies.Value!.Any(copy => GceHandover.IsCopyFor(copy, _vm.Name)) || !_wishes.MayCopyTo(mark.Zone) ? new(CloudResult.Misconfigured, mark.Describe(disk))
            : new(CloudResult.NoCapacity, $"the disk {disk} is on its way to {mark.Zone}");
    }

    private Task<GceAnswer<GceDisk>> ReadDiskAsync(string zone, string name) => _client.DiskAsync($"zones/{zone}", name, _cancel);

    private async Task<CloudOutcome> LabelAsync(string zone, GceDisk disk, Dictionary<string, string> labels, string part)
    {
        var id = RequestId.Part(_requestId, $"{zone} {disk.Name} {part} {disk.LabelFingerprint}");
        var asked = await _client.LabelAsync(zone, disk.Name, labels, disk.LabelFingerprint, id, _cancel).ConfigureAwait(false);
        return asked.Refusal is { } refusal ? OutcomeOf(refusal) : await _follow(zone, asked.Value!, _cancel).ConfigureAwait(false);
    }
}
