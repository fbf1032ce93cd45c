using System.Text.Json.Nodes;
using Sentinel.Recovery.Clouds;
using Sentinel.Recovery.Outages;
using Sentinel.Testing;
using Sentinel.Testing.FakeGce;

namespace Sentinel.Recovery.Tests.Clouds.Gce;

/// <summary>What the provider tells of VMs, and what it asks to find out.</summary>
public sealed class GceWatchTests : IAsyncLifetime
{
    private GceRig _rig = null!;

    public async Task InitializeAsync() => _rig = await GceRig.StartAsync();

    public async Task DisposeAsync() => await _rig.DisposeAsync();

    [Fact]
    public async Task A_VM_that_runs_is_told_with_its_address()
    {
        _rig.Project.AddRunning(GceRig.Zone, "spot-1", "10.0.0.7");
        _rig.Watch("spot-1");

        await _rig.UntilAsync(report => report is { Condition: InstanceCondition.Running, Address: "10.0.0.7", Incarnation.Order: > 0 });
    }

    [Theory]
    [InlineData("preempt", OutageCause.Preempted)]
    [InlineData("stop", OutageCause.User)]
    [InlineData("host", OutageCause.HostError)]
    [InlineData("maintenance", OutageCause.Maintenance)]
    [InlineData("guest", OutageCause.Guest)]
    public async Task Every_stop_has_its_cause(string what, OutageCause cause)
    {
        _rig.Project.AddRunning(GceRig.Zone, "spot-1");
        _rig.Watch("spot-1");
        await _rig.UntilAsync(report => report.Condition is InstanceCondition.Running);
        var run = _rig.Reports.Last().Incarnation;

        Action<string, string> happen = what switch
        {
            "preempt" => _rig.Project.Preempt,
            "stop" => _rig.Project.StopByPerson,
            "host" => _rig.Project.FailHost,
            "maintenance" => _rig.Project.TakeHostForMaintenance,
            _ => _rig.Project.ShutDownGuest,
        };
        happen(GceRig.Zone, "spot-1");

        await _rig.UntilAsync(report => report is { Condition: InstanceCondition.Stopped } && report.Incarnation == run);
        Assert.Equal(cause, _rig.Reports.Last().Stop!.Cause);
        Assert.NotNull(_rig.Reports.Last().Stop!.At);
        Assert.All(_rig.Reports.Where(report => report.Condition is InstanceCondition.Stopped), report => Assert.Equal(cause, report.Stop!.Cause));
    }

    [Fact]
    public async Task Who_is_about_to_stop_is_looked_at_again_and_again_until_he_does()
    {
        await _rig.DisposeAsync();
        _rig = await GceRig.StartAsync(settings => settings with { WatchInterval = TimeSpan.FromHours(1) });
        _rig.Project.AddRunning(GceRig.Zone, "spot-1");
        _rig.Watch("spot-1");
        await _rig.UntilAsync(report => report.Condition is InstanceCondition.Running);
        var looks = Looks();

        _rig.Cloud.Refresh(GceRig.Named("spot-1"), closely: true);
        await Eventually.TrueAsync(() => Looks() >= looks + 3);
        _rig.Project.Preempt(GceRig.Zone, "spot-1");
        await _rig.UntilAsync(report => report.Condition is InstanceCondition.Stopped);

        int Looks() => _rig.Server.Calls.Count(call => call.Path.EndsWith("/instances", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Who_stopped_it_before_we_looked_is_found_out()
    {
        _rig.Project.AddRunning(GceRig.Zone, "spot-1");
        _rig.Project.StopByPerson(GceRig.Zone, "spot-1");
        await Eventually.TrueAsync(() => _rig.Project.Find(GceRig.Zone, "spot-1")!.Status == "TERMINATED");

        _rig.Watch("spot-1");

        await _rig.UntilAsync(report => report is { Condition: InstanceCondition.Stopped, Stop.Cause: OutageCause.User });
    }

    [Fact]
    public async Task Who_deleted_it_before_we_looked_is_found_out_by_its_name()
    {
        _rig.Project.AddRunning(GceRig.Zone, "spot-1");
        _rig.Project.DeleteByPerson(GceRig.Zone, "spot-1");
        await Eventually.TrueAsync(() => _rig.Project.Find(GceRig.Zone, "spot-1") is null);

        _rig.Watch("spot-1");

        await _rig.UntilAsync(report => report is { Condition: InstanceCondition.Gone, Stop.Cause: OutageCause.Deleted });
    }

    [Fact]
    public async Task A_VM_is_kept_back_while_nobody_says_why_it_stopped()
    {
        _rig.Project.AddRunning(GceRig.Zone, "spot-1");
        _rig.Watch("spot-1");
        await _rig.UntilAsync(report => report.Condition is InstanceCondition.Running);
        _rig.Project.Trouble.HidingOperation = type => type == "stop";

        _rig.Project.StopByPerson(GceRig.Zone, "spot-1");
        await Eventually.TrueAsync(() => _rig.Project.Find(GceRig.Zone, "spot-1")!.Status == "TERMINATED");
        var calls = _rig.Server.Calls.Count;
        await Eventually.TrueAsync(() => _rig.Server.Calls.Count > calls + 9);
        Assert.DoesNotContain(_rig.Reports, report => report.Condition is InstanceCondition.Stopped);

        _rig.Project.Trouble.HidingOperation = _ => false;
        await _rig.UntilAsync(report => report is { Condition: InstanceCondition.Stopped, Stop.Cause: OutageCause.User });
    }

    [Fact]
    public async Task A_VM_is_kept_back_for_as_long_as_reasons_cannot_be_read()
    {
        _rig.Project.AddRunning(GceRig.Zone, "spot-1");
        _rig.Project.Trouble.Refusing = (_, path) => path.EndsWith("/operations", StringComparison.Ordinal)
            ? GceRefusalException.Forbidden("compute.zoneOperations.list", "projects/test-project")
            : null;
        _rig.Watch("spot-1");
        await _rig.UntilAsync(report => report.Condition is InstanceCondition.Running);

        _rig.Project.StopByPerson(GceRig.Zone, "spot-1");
        await Eventually.TrueAsync(() => _rig.Project.Find(GceRig.Zone, "spot-1")!.Status == "TERMINATED");
        var begun = TimeProvider.System.GetTimestamp();
        await Eventually.TrueAsync(() => TimeProvider.System.GetElapsedTime(begun) > TimeSpan.FromSeconds(17));
        Assert.DoesNotContain(_rig.Reports, report => report.Condition is InstanceCondition.Stopped);
        Assert.Single(_rig.Log.Lines, line => line.Event == "gce.reasons.unreadable" && line.Text.Contains("compute.zoneOperations.list", StringComparison.Ordinal));

        _rig.Project.Trouble.Refusing = (_, _) => null;
        await _rig.UntilAsync(report => report is { Condition: InstanceCondition.Stopped, Stop.Cause: OutageCause.User });
    }

    [Fact]
    public async Task A_VM_that_has_been_down_for_longer_than_anybody_remembers_is_a_persons_to_start()
    {
        var vm = _rig.Project.AddRunning(GceRig.Zone, "spot-1");
        _rig.Project.FailHost(GceRig.Zone, "spot-1");
        vm.WasStoppedAt(TimeProvider.System.GetUtcNow() - TimeSpan.FromDays(30));
        _rig.Project.Trouble.HidingOperation = _ => true;
        _rig.Watch("spot-1");

        await _rig.UntilAsync(report => report is { Condition: InstanceCondition.Stopped, Stop.Cause: OutageCause.User });
    }

    [Fact]
    public async Task A_persons_stop_counts_more_than_a_preemption_of_the_same_run()
    {
        _rig.Project.AddRunning(GceRig.Zone, "spot-1");
        _rig.Watch("spot-1");
        await _rig.UntilAsync(report => report.Condition is InstanceCondition.Running);

        _rig.Project.StopByPerson(GceRig.Zone, "spot-1");
        await Eventually.TrueAsync(() => _rig.Project.Operations.Any(operation => operation.Type == "stop"));
        if (_rig.Project.Find(GceRig.Zone, "spot-1")!.Status == "RUNNING")
        {
            _rig.Project.Preempt(GceRig.Zone, "spot-1");
        }

        await _rig.UntilAsync(report => report is { Condition: InstanceCondition.Stopped, Stop.Cause: OutageCause.User });
    }

    [Fact]
    public async Task A_preemption_that_deletes_is_told_from_a_person_who_does()
    {
        _rig.Project.AddRunning(GceRig.Zone, "spot-1", more: new JsonObject
        {
            ["scheduling"] = new JsonObject { ["provisioningModel"] = "SPOT", ["instanceTerminationAction"] = "DELETE" },
        });
        _rig.Project.AddRunning(GceRig.Zone, "spot-2");
        _rig.Watch("spot-1");
        await _rig.UntilAsync(report => report.Condition is InstanceCondition.Running);
        _rig.Project.Preempt(GceRig.Zone, "spot-1");
        await _rig.UntilAsync(report => report is { Condition: InstanceCondition.Gone, Stop.Cause: OutageCause.Preempted });

        _rig.Watch("spot-2");
        await _rig.UntilAsync(report => report.Condition is InstanceCondition.Running);
        _rig.Project.DeleteByPerson(GceRig.Zone, "spot-2");
        await _rig.UntilAsync(report => report is { Condition: InstanceCondition.Gone, Stop.Cause: OutageCause.Deleted });
    }

    [Fact]
    public async Task A_VM_that_is_missing_from_a_list_is_not_gone()
    {
        _rig.Project.AddRunning(GceRig.Zone, "spot-1");
        _rig.Project.Trouble.HidingInstance = _ => true;
        _rig.Watch("spot-1");

        await _rig.UntilAsync(report => report.Condition is InstanceCondition.Running);
    }

    [Fact]
    public async Task Six_hundred_VMs_cost_a_round_what_their_pages_cost()
    {
        await _rig.DisposeAsync();
        _rig = await GceRig.StartAsync(settings => settings with { WatchInterval = TimeSpan.FromSeconds(1) });
        for (var i = 0; i < 600; i++)
        {
            _rig.Project.AddRunning(GceRig.Zone, $"spot-{i}", $"10.0.{i / 200}.{i % 200}");
            _rig.Watch($"spot-{i}");
        }

        await Eventually.TrueAsync(() => _rig.Reports.Count == 600);
        var calls = _rig.Server.Calls.Count;
        await Eventually.TrueAsync(() => _rig.Server.Calls.Count >= calls + 12);

        // Two pages of instances and one of operations make a round; a VM alone is never asked about.
        var made = _rig.Server.Calls.ToArray();
        Assert.DoesNotContain(made, call => call.Path.Contains("/instances/", StringComparison.Ordinal));
        Assert.Contains(made.Skip(calls), call => call.Path.EndsWith("/operations", StringComparison.Ordinal));

        // What VMs are like is asked once after they came up, and not for each round.
        bool IsList(GceCall call) => call.Path.EndsWith("/instances", StringComparison.Ordinal);
        var watching = made.Where(call => !call.Path.EndsWith("/disks", StringComparison.Ordinal) && (!IsList(call) || call.Query.Contains("fields=", StringComparison.Ordinal))).ToArray();
        Assert.InRange(made.Length - watching.Length, 0, 2 * 3);
        var rounds = watching.Count(call => IsList(call) && !call.Query.Contains("pageToken", StringComparison.Ordinal));
        Assert.InRange(watching.Length, rounds, rounds * 3);
    }

    [Fact]
    public async Task A_silent_API_makes_VMs_unseen_and_then_seen_again()
    {
        _rig.Project.AddRunning(GceRig.Zone, "spot-1");
        _rig.Watch("spot-1");
        await _rig.UntilAsync(report => report.Condition is InstanceCondition.Running);

        _rig.Project.Trouble.Refusing = (_, _) => GceRefusalException.Forbidden("compute.instances.list", "projects/test-project");
        await _rig.UntilAsync(report => report.Condition is InstanceCondition.Unseen);
        Assert.Contains(_rig.Log.Lines, line => line.Event == "gce.blind" && line.Text.Contains("compute.instances.list", StringComparison.Ordinal));

        _rig.Project.Trouble.Refusing = (_, _) => null;
        await _rig.UntilAsync(report => report.Condition is InstanceCondition.Running);
    }
}
