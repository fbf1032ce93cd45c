using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;
using Sentinel.Testing.FakeGce;

namespace Sentinel.EndToEnd;

/// <summary>The whole daemon against a fake Compute Engine whose VMs listen.</summary>
public sealed class GceTests : IAsyncLifetime
{
    private GceStage _stage = null!;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _stage.DisposeAsync();

    [NeedsFact("linux")]
    public async Task The_key_of_a_service_account_is_good_for_starting_a_VM()
    {
        await using var tokens = await FakeMetadataServer.StartAsync();
        _stage = await GceStage.StartAsync("spot-1");
        _stage.Server.TokenCheck = tokens.Knows;
        _stage.Credentials = _stage.Sandbox.PathOf("key.json");
        await tokens.WriteKeyAsync(_stage.Credentials);
        File.SetUnixFileMode(_stage.Credentials, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        _stage.Sentinel.Configure(_stage.Configuration("spot-1"));
        await Eventually.TrueAsync(() => tokens.TokensGiven > 0);

        _stage.Project.Preempt(GceStage.Zone, "spot-1");
        await Eventually.TrueAsync(() => _stage.Project.Find(GceStage.Zone, "spot-1")!.Starts == 2);
        await _stage.Sentinel.UntilAsync("spot-1", "serving");
        Assert.DoesNotContain("ya29.", _stage.Sentinel.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("PRIVATE KEY", _stage.Sentinel.Log, StringComparison.Ordinal);
    }

    [NeedsFact("linux")]
    public async Task A_preempted_VM_comes_back_and_nobody_who_waits_is_refused()
    {
        _stage = await GceStage.StartAsync("spot-1");
        await using var load = new SteadyLoad(Client());
        await load.AnsweredAsync(50);

        _stage.Project.Preempt(GceStage.Zone, "spot-1");
        await Eventually.TrueAsync(() => _stage.Project.Find(GceStage.Zone, "spot-1")!.Starts == 2);
        await _stage.Sentinel.UntilAsync("spot-1", "serving");
        await load.AnsweredAsync(50);
        var refused = await load.EndAsync();

        // At most what was on the wire when the VM was cut off.
        Assert.InRange(refused, 0, 4);
        Assert.Equal(1, (int)(await _stage.Sentinel.BackendAsync("spot-1"))["preemptions"]!);
        Assert.Equal(_stage.Sandbox.Address(10), (string)(await _stage.Sentinel.BackendAsync("spot-1"))["address"]!);
        Assert.Single(_stage.Project.Operations, operation => operation.Type == "start");

        // Who waited, and what became of them, is in the record; so is what the VM cost.
        JsonNode? outage = null;
        await Eventually.TrueAsync(async () =>
        {
            outage = JsonNode.Parse(await _stage.Sentinel.GetAsync("/outages"))!["outages"]!.AsArray().Single()!;
            return (int)outage["waits"]!["held"]! == (int)outage["waits"]!["served"]!;
        });
        Assert.InRange((int)outage!["waits"]!["served"]!, 4, 100);
        var (cost, onDemand) = ((double)outage["cost"]!["cost"]!, (double)outage["cost"]!["onDemand"]!);
        Assert.InRange(onDemand, (double)outage["seconds"]! / 3600 * 0.1 - 0.0001, (double)outage["seconds"]! / 3600 * 0.1 + 0.0001);
        Assert.InRange(cost, 0, onDemand);
        Assert.NotNull((await _stage.Sentinel.BackendAsync("spot-1"))["cost"]);
    }

    [NeedsFact("linux")]
    public async Task A_VM_that_its_preemption_deletes_is_made_again_with_its_data_and_nobody_who_waits_is_refused()
    {
        _stage = await GceStage.StartAsync(Furnish, "spot-1");
        _stage.Project.Find(GceStage.Zone, "spot-1")!.DeleteWhenPreempted();
        await using var load = new SteadyLoad(Client());
        await load.AnsweredAsync(50);

        _stage.Project.Preempt(GceStage.Zone, "spot-1");
        await Eventually.TrueAsync(() => _stage.Status("spot-1") == "GONE");
        await Eventually.TrueAsync(() => _stage.Status("spot-1") == "RUNNING");
        await _stage.Sentinel.UntilAsync("spot-1", "serving");
        await load.AnsweredAsync(50);
        Assert.InRange(await load.EndAsync(), 0, 4);

        var vm = _stage.Project.Find(GceStage.Zone, "spot-1")!;
        Assert.Equal("e2-medium", vm.MachineType);
        Assert.Equal(vm.Address, (string)(await _stage.Sentinel.BackendAsync("spot-1"))["address"]!);
        Assert.Equal(vm.Link, (string)Assert.Single(_stage.Project.FindDisk(GceStage.Zone, "data")!["users"]!.AsArray())!);
        Assert.Single(_stage.Project.Operations, operation => operation.Type == "insert");
        using var client = Client();
        Assert.Equal("spot-1", await client.GetStringAsync(new Uri("/", UriKind.Relative)));
    }

    [NeedsFact("linux")]
    public async Task What_a_person_stopped_is_held_until_it_is_released()
    {
        _stage = await GceStage.StartAsync("spot-1");

        _stage.Project.StopByPerson(GceStage.Zone, "spot-1");
        await _stage.Sentinel.UntilAsync("spot-1", "held");
        var looked = _stage.Server.Calls.Count;
        await Eventually.TrueAsync(() => _stage.Server.Calls.Count > looked + 6);
        Assert.Equal("TERMINATED", _stage.Status("spot-1"));
        Assert.DoesNotContain(_stage.Server.Calls, call => call.Path.EndsWith("/start", StringComparison.Ordinal));

        Assert.Equal(HttpStatusCode.Accepted, await _stage.Sentinel.PostAsync("/v1/backends/spot-1/release"));
        await _stage.Sentinel.UntilAsync("spot-1", "serving");
    }

    [NeedsFact("linux")]
    public async Task Capacity_that_is_gone_and_comes_back_is_waited_for()
    {
        _stage = await GceStage.StartAsync("spot-1");
        _stage.Project.Trouble.Starving = (zone, _, _) => OperationFault.NoCapacity(zone);

        _stage.Project.Preempt(GceStage.Zone, "spot-1");
        await Eventually.TrueAsync(() => _stage.Project.Operations.Count(operation => operation is { Type: "start", Fault: not null }) >= 2);
        Assert.Equal("TERMINATED", _stage.Status("spot-1"));
        _stage.Project.Trouble.Starving = (_, _, _) => null;

        await _stage.Sentinel.UntilAsync("spot-1", "serving");
        Assert.Equal(2, _stage.Project.Find(GceStage.Zone, "spot-1")!.Starts);
    }

    [NeedsFact("linux")]
    public async Task Without_spot_capacity_it_falls_back_and_two_preemptions_in_one_recovery_are_one_outage()
    {
        _stage = await GceStage.StartAsync("spot-1");
        _stage.Project.Trouble.Starving = (zone, type, _) => type == "n2-highmem-8" ? null : OperationFault.NoCapacity(zone);

        _stage.Project.Preempt(GceStage.Zone, "spot-1");
        await Eventually.TrueAsync(() => _stage.Project.Find(GceStage.Zone, "spot-1") is { Status: "RUNNING", Starts: 2 });
        Assert.Equal("n2-highmem-8", _stage.Project.Find(GceStage.Zone, "spot-1")!.MachineType);
        _stage.Project.Trouble.Starving = (_, _, _) => null;
        _stage.Project.Preempt(GceStage.Zone, "spot-1");
        await Eventually.TrueAsync(() => _stage.Project.Find(GceStage.Zone, "spot-1") is { Status: "RUNNING", Starts: 3 });

        await _stage.Sentinel.UntilAsync("spot-1", "serving");
        Assert.Equal("e2-small", _stage.Project.Find(GceStage.Zone, "spot-1")!.MachineType);
        using var client = Client();
        Assert.Equal("spot-1", await client.GetStringAsync(new Uri("/", UriKind.Relative)));
    }

    [NeedsFact("linux")]
    public async Task A_drill_is_ours_and_is_in_the_record_with_every_request()
    {
        _stage = await GceStage.StartAsync("spot-1");

        Assert.Equal(HttpStatusCode.Accepted, await _stage.Sentinel.PostAsync("/v1/backends/spot-1/drill"));
        await Eventually.TrueAsync(() => _stage.Project.Find(GceStage.Zone, "spot-1") is { Status: "RUNNING", Starts: 2 });
        await _stage.Sentinel.UntilAsync("spot-1", "serving");

        var outage = JsonNode.Parse(await _stage.Sentinel.GetAsync("/outages"))!["outages"]!.AsArray().Single()!;
        Assert.Equal("ours", (string)outage["cause"]!);
        Assert.Contains(outage["timeline"]!.AsArray(), entry => (string)entry!["what"]! == "called" && ((string)entry["detail"]!).StartsWith("instances.start: done", StringComparison.Ordinal));
        Assert.InRange((int)outage["calls"]!, 3, 10);
    }

    [NeedsFact("linux")]
    public async Task A_lost_state_directory_loses_no_VM()
    {
        _stage = await GceStage.StartAsync("spot-1");
        _stage.Project.Preempt(GceStage.Zone, "spot-1");
        await _stage.Sentinel.KillAsync();
        Directory.Delete(_stage.Sandbox.State, recursive: true);

        var next = await _stage.Sandbox.StartAsync(_stage.Configuration("spot-1"));

        await Eventually.TrueAsync(() => _stage.Project.Find(GceStage.Zone, "spot-1") is { Status: "RUNNING", Starts: 2 });
        await next.UntilAsync("spot-1", "serving");
        Assert.Single(_stage.Project.Operations, operation => operation.Type == "start");
    }

    [NeedsFact("linux")]
    public async Task An_API_that_is_down_during_a_preemption_delays_the_start_and_nothing_else()
    {
        _stage = await GceStage.StartAsync("spot-1", "spot-2");
        using var client = Client();
        _stage.Project.Trouble.IsDown = true;

        _stage.Project.Preempt(GceStage.Zone, "spot-1");
        await Eventually.TrueAsync(async () => await client.GetStringAsync(new Uri("/", UriKind.Relative)) == "spot-2");
        _stage.Project.Trouble.IsDown = false;

        await Eventually.TrueAsync(() => _stage.Status("spot-1") == "RUNNING");
        await _stage.Sentinel.UntilAsync("spot-1", "serving");
        Assert.Equal(2, _stage.Project.Find(GceStage.Zone, "spot-1")!.Starts);
    }

    [NeedsFact("linux")]
    public async Task A_daemon_that_is_killed_in_the_middle_starts_the_VM_once()
    {
        _stage = await GceStage.StartAsync("spot-1");

        _stage.Project.Preempt(GceStage.Zone, "spot-1");
        await Eventually.TrueAsync(() => _stage.Project.Operations.Any(operation => operation.Type == "start"));
        await _stage.Sentinel.KillAsync();
        var next = await _stage.Sandbox.StartAsync(_stage.Configuration("spot-1"));

        await next.UntilAsync("spot-1", "serving");
        Assert.Equal(2, _stage.Project.Find(GceStage.Zone, "spot-1")!.Starts);
        Assert.Single(_stage.Project.Operations, operation => operation.Type == "start");
    }

    [NeedsTheory("linux")]
    [InlineData(false, "opened", "stopped", "start_requested", "accepted", "running")]
    [InlineData(true, "opened", "stopped", "recreate_requested", "called", "accepted")]
    public async Task A_daemon_that_is_killed_after_each_line_of_its_record_brings_the_VM_back_once_with_its_disks(bool isDeleted, params string[] lines)
    {
        _stage = await GceStage.StartAsync(Furnish, "spot-1");
        var (sentinel, vm, disks) = (_stage.Sentinel, _stage.Project.Find(GceStage.Zone, "spot-1")!, _stage.Project.AllDisks);
        if (isDeleted)
        {
            vm.DeleteWhenPreempted();
        }

        _stage.Project.Preempt(GceStage.Zone, "spot-1");
        foreach (var line in lines)
        {
            await Eventually.TrueAsync(() => Record() is var record && (record.Contains($"\"what\": \"{line}\"", StringComparison.Ordinal) || record.Contains("\"what\": \"closed\"", StringComparison.Ordinal)));
            await sentinel.KillAsync();
            sentinel = await _stage.Sandbox.StartAsync(_stage.Configuration("spot-1"));
        }

        await sentinel.UntilAsync("spot-1", "serving");
        var now = Assert.Single(_stage.Project.FindAll("spot-1"));
        Assert.Equal(isDeleted ? 1 : 2, now.Starts);
        Assert.Equal(isDeleted, now.Id != vm.Id);
        Assert.Single(_stage.Project.Operations, operation => operation.Type is "start" or "insert");
        Assert.Single(Directory.GetFiles(Path.Combine(_stage.Sandbox.State, "outages"), "*.json"));
        Assert.Subset(_stage.Project.AllDisks.ToHashSet(), disks.Where(disk => disk.EndsWith("/data", StringComparison.Ordinal)).ToHashSet());
        Assert.All(_stage.Project.AllDisks, disk => Assert.InRange(_stage.Project.FindDisk(GceStage.Zone, disk.Split('/')[1])!["users"]!.AsArray().Count, 0, 1));
        Assert.Equal(isDeleted ? 1 : 0, _stage.Project.FindDisk(GceStage.Zone, "data")!["users"]!.AsArray().Count);

        string Record() => Directory.Exists(Path.Combine(_stage.Sandbox.State, "outages")) && Directory.GetFiles(Path.Combine(_stage.Sandbox.State, "outages"), "*.json") is [var file] ? File.ReadAllText(file) : "";
    }

    [NeedsFact("curl")]
    public async Task A_VM_that_tells_of_its_preemption_hands_over_before_it_stops()
    {
        _stage = await GceStage.StartAsync("spot-1", "spot-2");
        await using var metadata = await FakeMetadataServer.StartAsync();
        metadata.IsBroken = true;
        using var client = Client();
        Assert.Equal("spot-1", await client.GetStringAsync(new Uri("/", UriKind.Relative)));

        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "sentinel-notice")) { RedirectStandardOutput = true };
        start.Environment["SENTINEL_URL"] = $"http://{_stage.Sandbox.Front}:8888";
        start.Environment["SENTINEL_TOKEN_FILE"] = Path.Combine(_stage.Sandbox.State, "admin.token");
        start.Environment["SENTINEL_METADATA"] = metadata.Endpoint.ToString().TrimEnd('/');
        using var reporter = Process.Start(start)!;
        try
        {
            // The network of a VM that boots comes up later than its programs.
            metadata.IsBroken = false;
            Assert.Equal($"watching gce/{GceStage.Zone}/spot-1", await reporter.StandardOutput.ReadLineAsync());
            metadata.IsPreempted = true;

            await _stage.Sentinel.UntilAsync("spot-1", "noticed");
            Assert.Equal("spot-2", await client.GetStringAsync(new Uri("/", UriKind.Relative)));
            Assert.Equal("RUNNING", _stage.Status("spot-1"));

            _stage.Project.Preempt(GceStage.Zone, "spot-1");
            await Eventually.TrueAsync(() => _stage.Project.Find(GceStage.Zone, "spot-1")!.Starts == 2);
            await _stage.Sentinel.UntilAsync("spot-1", "serving");
            var outages = JsonNode.Parse(await _stage.Sentinel.GetAsync("/outages"))!["outages"]!.AsArray();
            Assert.Equal("noticed", (string)outages.Single()!["timeline"]!.AsArray().First(entry => (string)entry!["source"]! == "guest" && (string)entry["what"]! != "opened")!["what"]!);
        }
        finally
        {
            reporter.Kill(entireProcessTree: true);
            await reporter.WaitForExitAsync();
        }
    }

    /// <summary>What a VM that is gone is made again from.</summary>
    private static void Furnish(FakeProject project)
    {
        project.AddDisk(GceStage.Zone, "data");
        project.AddTemplate("spot", new JsonObject
        {
            ["machineType"] = "e2-medium",
            ["disks"] = new JsonArray(new JsonObject { ["boot"] = true, ["autoDelete"] = true, ["initializeParams"] = new JsonObject() }),
            ["scheduling"] = new JsonObject { ["provisioningModel"] = "SPOT", ["instanceTerminationAction"] = "DELETE" },
        });
    }

    private HttpClient Client() => new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new($"http://{_stage.Sandbox.Front}:8080"), Timeout = TimeSpan.FromSeconds(60) };
}
