using System.Text.Json.Nodes;
using Sentinel.Recovery.Clouds;
using Sentinel.Recovery.Clouds.Gce;
using Sentinel.Recovery.Outages;
using Sentinel.Testing;
using Sentinel.Testing.FakeGce;

namespace Sentinel.Recovery.Tests.Clouds.Gce;

/// <summary>VMs that come up as something else, and as themselves again.</summary>
public sealed class GceFallbackTests : IAsyncLifetime
{
    private const string OtherZone = "us-central1-b";
    private static readonly Fallback.OtherMachine Larger = new("n2-highmem-8");
    private static readonly Fallback.OnDemand OnDemand = new(TimeSpan.FromHours(8));
    private static readonly Fallback.OtherZone Beside = new(OtherZone, FromSnapshot: false);
    private static readonly Fallback.OtherZone Copied = new(OtherZone, FromSnapshot: true);

    private GceRig _rig = null!;
    private int _attempt;

    public async Task InitializeAsync() => _rig = await GceRig.StartAsync();

    public async Task DisposeAsync() => await _rig.DisposeAsync();

    [Fact]
    public async Task Another_machine_type_is_taken_and_given_back_at_the_next_start()
    {
        await BeDownAsync([Larger]);

        Assert.Equal(CloudResult.Done, (await FallBackAsync(Larger)).Result);
        Assert.Equal(("RUNNING", "n2-highmem-8"), (Vm().Status, Vm().MachineType));
        _rig.Project.FailHost(GceRig.Zone, "spot-1");

        Assert.Equal(CloudResult.Done, (await StartAsync()).Result);
        Assert.Equal(("RUNNING", "e2-small"), (Vm().Status, Vm().MachineType));
    }

    [Fact]
    public async Task On_demand_is_for_the_time_being()
    {
        await BeDownAsync([Larger, OnDemand]);
        _rig.Project.Trouble.Starving = (zone, _, provisioning) => provisioning == "SPOT" ? OperationFault.NoCapacity(zone) : null;

        Assert.Equal(CloudResult.NoCapacity, (await StartAsync()).Result);
        Assert.Equal(CloudResult.NoCapacity, (await FallBackAsync(Larger)).Result);
        Assert.Equal(CloudResult.Done, (await FallBackAsync(OnDemand)).Result);
        Assert.Equal(("RUNNING", "STANDARD", "e2-small"), (Vm().Status, Vm().Provisioning, Vm().MachineType));
        await _rig.UntilAsync(report => report is { Condition: InstanceCondition.Running, OnDemand: true });

        _rig.Project.Trouble.Starving = (_, _, _) => null;
        Assert.Equal(CloudResult.Done, (await _rig.Cloud.StopAsync(GceRig.Named("spot-1"), Guid.NewGuid(), CancellationToken.None)).Result);
        await _rig.UntilAsync(report => report is { Condition: InstanceCondition.Stopped, Stop.Cause: OutageCause.Ours });
        Assert.Equal(CloudResult.Done, (await StartAsync()).Result);
        Assert.Equal(("RUNNING", "SPOT"), (Vm().Status, Vm().Provisioning));
        await _rig.UntilAsync(report => report is { Condition: InstanceCondition.Running, OnDemand: false });
    }

    [Fact]
    public async Task A_regional_disk_goes_along_to_another_zone_and_comes_back()
    {
        await BeDownAsync([Beside], isRegional: true);

        Assert.Equal(CloudResult.Done, (await FallBackAsync(Beside)).Result);
        var there = _rig.Project.Find(OtherZone, "spot-1")!;
        Assert.Equal(("RUNNING", "TERMINATED"), (there.Status, Vm().Status));
        Assert.Equal(there.Link, Holder());
        await _rig.UntilAsync(report => report.Condition is InstanceCondition.Running && report.Address == there.Address);

        // Down there, it is started there; and another sentinel finds it there too.
        _rig.Project.FailHost(OtherZone, "spot-1");
        await _rig.UntilAsync(report => report.Condition is InstanceCondition.Stopped);
        Assert.Equal(CloudResult.Done, (await StartAsync()).Result);
        Assert.Equal(("RUNNING", "TERMINATED"), (there.Status, Vm().Status));
        Assert.Equal(there.Link, Holder());
    }

    [Fact]
    public async Task A_move_that_starves_gives_its_disk_back()
    {
        await BeDownAsync([Beside], isRegional: true);
        _rig.Project.Trouble.Starving = (zone, _, _) => OperationFault.NoCapacity(zone);

        Assert.Equal(CloudResult.NoCapacity, (await FallBackAsync(Beside)).Result);
        Assert.Null(_rig.Project.Find(OtherZone, "spot-1"));
        Assert.Equal("", Holder());
        _rig.Project.Trouble.Starving = (_, _, _) => null;

        Assert.Equal(CloudResult.Done, (await StartAsync()).Result);
        Assert.Equal("RUNNING", Vm().Status);
        Assert.Equal(Vm().Link, Holder());
    }

    [Fact]
    public async Task A_disk_of_one_zone_is_copied_anew_in_each_attempt_and_kept()
    {
        await BeDownAsync([Copied]);
        var last = Vm().Content;
        _rig.Project.Trouble.Starving = (zone, _, _) => OperationFault.NoCapacity(zone);
        Assert.Equal(CloudResult.NoCapacity, (await FallBackAsync(Copied)).Result);
        Assert.Equal(CloudResult.NoCapacity, (await StartAsync()).Result);
        Assert.Null(LabelOf("spot-1"));
        _rig.Project.Trouble.Starving = (_, _, _) => null;

        Assert.Equal(CloudResult.Done, (await FallBackAsync(Copied)).Result);
        var there = _rig.Project.Find(OtherZone, "spot-1")!;
        Assert.Equal(("RUNNING", "TERMINATED", false), (there.Status, Vm().Status, Vm().HasBootDisk));
        Assert.Equal(last, there.StartedWith);
        Assert.Equal(2, _rig.Project.Operations.Count(operation => operation.Type == "createSnapshot"));
        Assert.Equal(OtherZone, LabelOf("spot-1"));
        Assert.NotNull(_rig.Project.FindDisk(GceRig.Zone, "spot-1"));
    }

    [Fact]
    public async Task A_copy_that_is_lost_is_never_followed_by_the_older_disk_until_a_person_says_so()
    {
        await BeDownAsync([Copied]);
        Directory.CreateDirectory(Path.Combine(_rig.Folder, "another"));
        File.Copy(Path.Combine(_rig.Folder, $"{GceRig.Zone}.spot-1.json"), Path.Combine(_rig.Folder, "another", $"{GceRig.Zone}.spot-1.json"));
        Assert.Equal(CloudResult.Done, (await FallBackAsync(Copied)).Result);
        var copy = _rig.Project.AllDisks.Single(disk => disk.Contains("/sentinel-", StringComparison.Ordinal));
        _rig.Project.DeleteByPerson(OtherZone, "spot-1");
        await Eventually.TrueAsync(() => _rig.Project.Find(OtherZone, "spot-1") is null);
        _rig.Project.LoseDisk(copy);

        // another sentinel, which knows the VM as it was at home alone: neither the way home nor one more copy may bring back what is older
        await using var other = _rig.Another(Copied);
        foreach (var outcome in (CloudOutcome[])[await other.StartAsync(GceRig.Named("spot-1"), Guid.NewGuid(), CancellationToken.None), await other.FallBackAsync(GceRig.Named("spot-1"), Copied, new(), Guid.NewGuid(), CancellationToken.None)])
        {
            Assert.Equal(CloudResult.Misconfigured, outcome.Result);
            Assert.Contains($"the data of the disk spot-1 went to a copy in {OtherZone}", outcome.Detail, StringComparison.Ordinal);
        }

        Assert.Equal("TERMINATED", Vm().Status);
        _rig.Project.Unlabel(GceRig.Zone, "spot-1");
        Assert.Equal(CloudResult.Done, (await other.StartAsync(GceRig.Named("spot-1"), Guid.NewGuid(), CancellationToken.None)).Result);
    }

    [Fact]
    public async Task A_disk_of_one_zone_that_may_not_be_copied_stays_and_a_person_is_told()
    {
        await BeDownAsync([Beside]);

        var outcome = await FallBackAsync(Beside);

        Assert.Equal(new CloudOutcome(CloudResult.Misconfigured, "its disk spot-1 is in us-central1-a only: make it regional, or set fromSnapshot"), outcome);
        Assert.DoesNotContain(_rig.Project.Operations, operation => operation.Type is "detachDisk" or "insert");
    }

    [Fact]
    public async Task A_VM_that_is_gone_is_made_again_as_it_was()
    {
        _rig.Project.AddDisk(GceRig.Zone, "data");
        await BeDownAsync([Larger], more: new JsonObject
        {
            ["labels"] = new JsonObject { ["team"] = "lab" },
            ["disks"] = new JsonArray(
                new JsonObject { ["boot"] = true, ["autoDelete"] = true, ["initializeParams"] = new JsonObject { ["sourceImage"] = "projects/debian-cloud/global/images/debian-12" } },
                new JsonObject { ["source"] = $"zones/{GceRig.Zone}/disks/data", ["autoDelete"] = false }),
        });
        _rig.Project.DeleteByPerson(GceRig.Zone, "spot-1");
        await Eventually.TrueAsync(() => _rig.Project.Find(GceRig.Zone, "spot-1") is null);

        Assert.Equal(CloudResult.NotFound, (await StartAsync()).Result);
        var outcome = await _rig.Cloud.RecreateAsync(GceRig.Named("spot-1"), new(), GceRig.Ask("spot-1", 20), CancellationToken.None);

        Assert.True(outcome.IsGood, outcome.Detail);
        Assert.Equal(("RUNNING", "e2-small", "SPOT"), (Vm().Status, Vm().MachineType, Vm().Provisioning));
        Assert.Equal(Vm().Link, (string)Assert.Single(_rig.Project.FindDisk(GceRig.Zone, "data")!["users"]!.AsArray())!);
        Assert.Equal("projects/debian-cloud/global/images/debian-12", (string)_rig.Project.FindDisk(GceRig.Zone, "spot-1")!["sourceImage"]!);

        _rig.Project.DeleteByPerson(GceRig.Zone, "spot-1");
        await Eventually.TrueAsync(() => _rig.Project.Find(GceRig.Zone, "spot-1") is null);
        Assert.True((await _rig.Cloud.FallBackAsync(GceRig.Named("spot-1"), Larger, new(), GceRig.Ask("spot-1", 21), CancellationToken.None)).IsGood);
        Assert.Equal("n2-highmem-8", Vm().MachineType);
    }

    [Fact]
    public async Task A_VM_that_nobody_ever_saw_is_not_made_up()
    {
        var outcome = await _rig.Cloud.RecreateAsync(GceRig.Named("nobody"), new(), GceRig.Ask("nobody"), CancellationToken.None);

        Assert.Equal(new CloudOutcome(CloudResult.Misconfigured, "nothing is known of what nobody was like: set recreate.template, or make it by hand"), outcome);
    }

    private FakeInstance Vm() => _rig.Project.Find(GceRig.Zone, "spot-1")!;

    private string? LabelOf(string disk) => (string?)_rig.Project.FindDisk(GceRig.Zone, disk)!["labels"]!["sentinel-moved-to"];

    private string Holder() => (string?)_rig.Project.FindDisk("us-central1", "shared")!["users"]!.AsArray().SingleOrDefault() ?? "";

    /// <summary>A VM that was watched while it ran, and was described.</summary>
    private async Task BeDownAsync(Fallback[] fallbacks, bool isRegional = false, JsonObject? more = null)
    {
        if (isRegional)
        {
            _rig.Project.AddRegionalDisk("us-central1", "shared");
            more = new() { ["disks"] = new JsonArray(new JsonObject { ["boot"] = true, ["autoDelete"] = false, ["source"] = "regions/us-central1/disks/shared" }) };
        }

        _rig.Project.AddRunning(GceRig.Zone, "spot-1", more: more);
        _rig.Cloud.Configure(_rig.Settings, new Dictionary<InstanceName, GceWishes> { [GceRig.Named("spot-1")] = new([.. fallbacks]) });
        _rig.Watch("spot-1");
        await _rig.UntilAsync(report => report.Condition is InstanceCondition.Running);
        await Eventually.TrueAsync(() => File.Exists(Path.Combine(_rig.Folder, $"{GceRig.Zone}.spot-1.json")), what: "it is described");
        _rig.Project.FailHost(GceRig.Zone, "spot-1");
        await _rig.UntilAsync(report => report.Condition is InstanceCondition.Stopped);
    }

    private Task<CloudOutcome> StartAsync() => _rig.Cloud.StartAsync(GceRig.Named("spot-1"), GceRig.Ask("spot-1", ++_attempt), CancellationToken.None);

    private Task<CloudOutcome> FallBackAsync(Fallback to, int attempt = 0) =>
        _rig.Cloud.FallBackAsync(GceRig.Named("spot-1"), to, null, GceRig.Ask("spot-1", attempt == 0 ? ++_attempt : attempt), CancellationToken.None);
}
