using System.Text.Json;
using System.Text.Json.Nodes;
using Sentinel.Recovery.Clouds.Gce.Wire;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>Writes down what VMs are like while they run, for the day when they are gone.</summary>
internal sealed partial class GceZone
{
    private async Task DescribeAsync(GceClient client, GceVm[] vms)
    {
        var news = vms.Where(vm => vm.Seen is { Status: "RUNNING" } seen && vm.DescribedAs != GceVm.LookOf(seen)).ToArray();
        if (news.Length == 0 || (_describedAt != 0 && _time.GetElapsedTime(_describedAt) < DescribeAgain))
        {
            return;
        }

        _describedAt = _time.GetTimestamp();
        if (await client.DescriptionsAsync(_zone, _stopping.Token).ConfigureAwait(false) is not { Value: { } descriptions })
        {
            return;
        }

        // Who may not list disks can still have VMs made again whose disks outlive them.
        var disks = (await client.DisksAsync(_zone, _stopping.Token).ConfigureAwait(false)).Value ?? [];
        var byName = descriptions.DistinctBy(description => (string)description["name"]!).ToDictionary(description => (string)description["name"]!);
        var known = new List<KeyValuePair<InstanceName, JsonObject>>();
        foreach (var vm in news)
        {
            if (byName.GetValueOrDefault(vm.Name.Name) is { } description && GceDescription.Status(description) == "RUNNING")
            {
                vm.DescribedAs = GceVm.LookOf(vm.Seen!);
                var atHome = GceDescription.AtHome(description, _wishes(vm.Home), _memory.Find(vm.Home));
                atHome[GceDescription.Sources] = SourcesOf(description, disks);
                known.Add(new(vm.Home, atHome));
            }
        }

        try
        {
            await _memory.KeepAsync([.. known]).WaitAsync(DiskPatience, _time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            Log.DescriptionsSlow(_logger, _zone, DiskPatience.TotalSeconds);
        }
    }

    private static JsonObject SourcesOf(JsonObject description, List<GceDisk> disks)
    {
        var names = GceDescription.Disks(description).Select(disk => GceDescription.Last((string?)disk["source"] ?? "")).ToHashSet();
        return new(disks.Where(disk => names.Contains(disk.Name)).Select(disk => KeyValuePair.Create(disk.Name, JsonSerializer.SerializeToNode(disk, GceJson.Default.GceDisk))));
    }
}
