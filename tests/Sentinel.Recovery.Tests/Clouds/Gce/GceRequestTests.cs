using System.Text;
using System.Text.Json.Nodes;
using Sentinel.Recovery.Clouds;
using Sentinel.Recovery.Clouds.Gce;
using Sentinel.Recovery.Clouds.Gce.Wire;
using Sentinel.Testing;
using Sentinel.Testing.FakeGce;

namespace Sentinel.Recovery.Tests.Clouds.Gce;

/// <summary>What becomes of requests, however the API behaves.</summary>
public sealed class GceRequestTests : IAsyncLifetime
{
    private GceRig _rig = null!;

    private int Starts => _rig.Project.Find(GceRig.Zone, "spot-1")!.Starts;

    public async Task InitializeAsync()
    {
        _rig = await GceRig.StartAsync();
        _rig.Project.AddRunning(GceRig.Zone, "spot-1");
        _rig.Project.FailHost(GceRig.Zone, "spot-1");
    }

    public async Task DisposeAsync() => await _rig.DisposeAsync();

    [Fact]
    public async Task A_start_is_done_when_the_VM_runs()
    {
        Assert.Equal(CloudResult.Done, (await StartAsync()).Result);
        Assert.Equal("RUNNING", _rig.Project.Find(GceRig.Zone, "spot-1")!.Status);
        Assert.Equal(CloudResult.Already, (await StartAsync(2)).Result);
        Assert.Equal(2, Starts);
    }

    [Fact]
    public async Task Two_sentinels_start_a_VM_once()
    {
        var both = await Task.WhenAll(StartAsync(), StartAsync());

        Assert.All(both, outcome => Assert.True(outcome.IsGood));
        Assert.Equal(2, Starts);
        Assert.Single(_rig.Project.Operations, operation => operation.Type == "start");
    }

    [Fact]
    public async Task An_answer_that_is_lost_is_asked_for_under_the_same_id()
    {
        var lost = 0;
        _rig.Project.Trouble.LosingReply = (_, path) => path.EndsWith("/start", StringComparison.Ordinal) && Interlocked.Increment(ref lost) == 1;

        Assert.Equal(CloudResult.Done, (await StartAsync()).Result);
        Assert.Equal(2, Starts);
        Assert.True(lost > 1);
    }

    [Fact]
    public async Task A_suspended_VM_is_resumed()
    {
        await StartAsync();
        using var http = new HttpClient { BaseAddress = _rig.Server.Endpoint };
        _rig.Server.TokenCheck = null;
        await http.PostAsync(new Uri($"/compute/v1/projects/test-project/zones/{GceRig.Zone}/instances/spot-1/suspend", UriKind.Relative), null);
        await Eventually.TrueAsync(() => _rig.Project.Find(GceRig.Zone, "spot-1")!.Status == "SUSPENDED");

        Assert.Equal(CloudResult.Done, (await StartAsync(2)).Result);
        Assert.Contains(_rig.Project.Operations, operation => operation.Type == "resume");
    }

    [Fact]
    public async Task What_was_accepted_and_starved_is_told_as_no_capacity()
    {
        _rig.Project.Trouble.Starving = (zone, _, _) => OperationFault.NoCapacity(zone, withDetails: true);
        Assert.Equal(CloudResult.NoCapacity, (await StartAsync()).Result);

        _rig.Project.Trouble.Starving = (_, _, _) => OperationFault.Quota();
        var quota = await StartAsync(2);
        Assert.Equal(CloudResult.Quota, quota.Result);
        Assert.Contains("PREEMPTIBLE_CPUS", quota.Detail, StringComparison.Ordinal);

        _rig.Project.Trouble.Starving = (_, _, _) => OperationFault.Preempted;
        Assert.Equal(CloudResult.NotReady, (await StartAsync(3)).Result);
        Assert.Equal(1, Starts);
    }

    [Fact]
    public async Task A_missing_permission_is_named()
    {
        _rig.Project.Trouble.Refusing = (method, path) => path.EndsWith("/start", StringComparison.Ordinal)
            ? GceRefusalException.Forbidden("compute.instances.start", "projects/test-project/zones/us-central1-a/instances/spot-1")
            : null;

        var outcome = await StartAsync();
        Assert.Equal(CloudResult.Forbidden, outcome.Result);
        Assert.Contains("compute.instances.start", outcome.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_VM_that_does_not_exist_is_not_found() =>
        Assert.Equal(CloudResult.NotFound, (await _rig.Cloud.StartAsync(GceRig.Named("nobody"), GceRig.Ask("nobody"), CancellationToken.None)).Result);

    [Fact]
    public async Task A_fault_of_the_server_is_tried_again()
    {
        var asked = 0;
        _rig.Project.Trouble.Refusing = (_, path) => path.EndsWith("/start", StringComparison.Ordinal) && Interlocked.Increment(ref asked) < 3
            ? new GceRefusalException(503, "backendError", "Backend error")
            : null;

        Assert.Equal(CloudResult.Done, (await StartAsync()).Result);
        Assert.Equal(3, asked);
    }

    [Fact]
    public async Task Retry_after_is_honoured()
    {
        var asked = new List<long>();
        _rig.Project.Trouble.Refusing = (_, path) =>
        {
            if (!path.EndsWith("/start", StringComparison.Ordinal))
            {
                return null;
            }

            asked.Add(TimeProvider.System.GetTimestamp());
            return asked.Count == 1 ? new GceRefusalException(503, "backendError", "Backend error", retryAfter: 2) : null;
        };

        Assert.Equal(CloudResult.Done, (await StartAsync()).Result);

        // timers tell milliseconds by a coarser clock, and may be a few of them early; our own first pause is far shorter
        Assert.InRange(TimeProvider.System.GetElapsedTime(asked[0], asked[1]), TimeSpan.FromSeconds(1.95), TimeSpan.MaxValue);
    }

    [Fact]
    public async Task Credentials_that_expire_in_the_middle_are_replaced()
    {
        Assert.Equal(CloudResult.Done, (await StartAsync()).Result);
        _rig.Metadata.Revoke();

        Assert.Equal(CloudResult.Already, (await StartAsync(2)).Result);
        Assert.Equal(2, _rig.Metadata.TokensGiven);
    }

    [Fact]
    public async Task A_machine_without_a_metadata_server_is_told_what_to_do()
    {
        _rig.Metadata.IsBroken = true;

        var outcome = await StartAsync();
        Assert.Equal(CloudResult.Forbidden, outcome.Result);
        Assert.Contains("metadata server", outcome.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_key_of_a_service_account_is_good_for_tokens()
    {
        var folder = Directory.CreateTempSubdirectory("gce-").FullName;
        var file = Path.Combine(folder, "key.json");
        try
        {
            await _rig.Metadata.WriteKeyAsync(file);
            _rig.Cloud.Configure(new GceSettings
            {
                Project = "test-project",
                Endpoint = _rig.Server.Endpoint,
                Credentials = new(GceCredentialKind.File, file),
                WatchInterval = TimeSpan.FromSeconds(1),
            });

            Assert.Equal(new CloudOutcome(CloudResult.Done, "").Result, (await StartAsync()).Result);
            Assert.Equal(1, _rig.Metadata.TokensGiven);

            await File.WriteAllTextAsync(file, """{ "type": "external_account" }""");
            _rig.Cloud.Configure(new GceSettings { Project = "test-project", Endpoint = _rig.Server.Endpoint, Credentials = new(GceCredentialKind.File, file) });
            var refused = await StartAsync(2);
            Assert.Equal(CloudResult.Forbidden, refused.Result);
            Assert.Contains("no key of a service account", refused.Detail, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("ZONE_RESOURCE_POOL_EXHAUSTED", 503, CloudResult.NoCapacity)]
    [InlineData("ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", 503, CloudResult.NoCapacity)]
    [InlineData("zoneResourcePoolExhausted", 503, CloudResult.NoCapacity)]
    [InlineData("QUOTA_EXCEEDED", 403, CloudResult.Quota)]
    [InlineData("quotaExceeded", 403, CloudResult.Quota)]
    [InlineData("RESOURCE_NOT_READY", 400, CloudResult.NotReady)]
    [InlineData("resourceInUseByAnotherResource", 400, CloudResult.NotReady)]
    [InlineData("IP_SPACE_EXHAUSTED", 400, CloudResult.NotReady)]
    [InlineData("rateLimitExceeded", 403, CloudResult.NotReady)]
    [InlineData("RESOURCE_OPERATION_RATE_EXCEEDED", 403, CloudResult.NotReady)]
    [InlineData("conditionNotMet", 412, CloudResult.NotReady)]
    [InlineData("notFound", 404, CloudResult.NotFound)]
    [InlineData("forbidden", 403, CloudResult.Forbidden)]
    [InlineData("authError", 401, CloudResult.Forbidden)]
    [InlineData("invalid", 400, CloudResult.Misconfigured)]
    [InlineData("backendError", 500, CloudResult.Fault)]
    internal void Codes_mean_the_same_in_both_spellings_and_places(string code, int status, CloudResult expected)
    {
        var body = new JsonObject
        {
            ["error"] = new JsonObject
            {
                ["code"] = status,
                ["message"] = "words",
                ["errors"] = new JsonArray(new JsonObject { ["reason"] = code }),
            },
        };
        var operation = new GceOperation { Id = "1", Name = "o", HttpErrorStatusCode = status, Error = new([new(code, "words")]) };

        Assert.Equal(expected, GceRefusal.Of(status, Encoding.UTF8.GetBytes(body.ToJsonString())).Result);
        Assert.Equal(expected, GceRefusal.Of(operation)!.Result);
    }

    [Fact]
    public async Task A_VM_that_is_gone_is_made_again_with_its_data_disk_once()
    {
        await BeGoneAsync();

        var both = await Task.WhenAll(RecreateAsync(), RecreateAsync());

        Assert.All(both, outcome => Assert.True(outcome.IsGood, outcome.Detail));
        var vm = _rig.Project.Find(GceRig.Zone, "spot-1")!;
        Assert.Equal(("RUNNING", "e2-medium"), (vm.Status, vm.MachineType));
        Assert.Equal(vm.Link, (string)Assert.Single(_rig.Project.FindDisk(GceRig.Zone, "data")!["users"]!.AsArray())!);
        Assert.NotNull(_rig.Project.FindDisk(GceRig.Zone, "spot-1"));
        Assert.Single(_rig.Project.Operations, operation => operation.Type == "insert");
        Assert.Equal(CloudResult.Already, (await RecreateAsync(2)).Result);
    }

    [Fact]
    public async Task A_VM_is_not_made_again_while_somebody_else_holds_its_disk()
    {
        await BeGoneAsync();
        _rig.Project.AddRunning(GceRig.Zone, "other", more: new JsonObject { ["disks"] = new JsonArray(new JsonObject { ["source"] = $"zones/{GceRig.Zone}/disks/data" }) });

        var outcome = await RecreateAsync();

        Assert.Equal(CloudResult.NotReady, outcome.Result);
        Assert.Contains("instances/other", outcome.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain(_rig.Project.Operations, operation => operation.Type == "insert");
    }

    [Fact]
    public async Task A_VM_that_starved_when_made_again_leaves_its_disk_free()
    {
        await BeGoneAsync();
        _rig.Project.Trouble.Starving = (zone, _, _) => OperationFault.NoCapacity(zone);

        Assert.Equal(CloudResult.NoCapacity, (await RecreateAsync()).Result);
        Assert.Null(_rig.Project.Find(GceRig.Zone, "spot-1"));
        Assert.Empty(_rig.Project.FindDisk(GceRig.Zone, "data")!["users"]!.AsArray());
    }

    [Fact]
    public async Task A_template_that_does_not_exist_is_for_a_person_to_mend()
    {
        await BeGoneAsync();

        var outcome = await _rig.Cloud.RecreateAsync(
            GceRig.Named("spot-1"), new() { Template = "projects/test-project/global/instanceTemplates/none", DataDisks = ["data"] }, GceRig.Ask("spot-1"), CancellationToken.None);

        Assert.Equal(CloudResult.Misconfigured, outcome.Result);
    }

    [Fact]
    public async Task The_ceiling_holds_in_every_minute()
    {
        var time = new ManualTimeProvider();
        var budget = new RequestBudget(60, time);
        var taken = new List<DateTimeOffset>();
        var taking = Task.Run(async () =>
        {
            for (var i = 0; i < 200; i++)
            {
                await budget.TakeAsync(isUrgent: i % 2 == 0, CancellationToken.None);
                lock (taken)
                {
                    taken.Add(time.GetUtcNow());
                }
            }
        });
        while (!taking.IsCompleted)
        {
            await Eventually.TrueAsync(() => time.PendingTimers > 0 || taking.IsCompleted);
            time.Advance(TimeSpan.FromMilliseconds(250));
        }

        Assert.All(taken, from => Assert.InRange(taken.Count(at => at >= from && at < from + TimeSpan.FromMinutes(1)), 1, 60));
        Assert.InRange((taken[^1] - taken[0]).TotalMinutes, 3, 4.5);
    }

    private async Task BeGoneAsync()
    {
        _rig.Project.AddDisk(GceRig.Zone, "data");
        _rig.Project.AddTemplate("spot", new JsonObject
        {
            ["machineType"] = "e2-medium",
            ["disks"] = new JsonArray(new JsonObject { ["boot"] = true, ["autoDelete"] = true, ["initializeParams"] = new JsonObject() }),
        });
        _rig.Project.DeleteByPerson(GceRig.Zone, "spot-1");
        await Eventually.TrueAsync(() => _rig.Project.Find(GceRig.Zone, "spot-1") is null);
    }

    private Task<CloudOutcome> RecreateAsync(int attempt = 1) => _rig.Cloud.RecreateAsync(
        GceRig.Named("spot-1"), new() { Template = "projects/test-project/global/instanceTemplates/spot", DataDisks = ["data"] }, GceRig.Ask("spot-1", attempt), CancellationToken.None);

    private Task<CloudOutcome> StartAsync(int attempt = 1) => _rig.Cloud.StartAsync(GceRig.Named("spot-1"), GceRig.Ask("spot-1", attempt), CancellationToken.None);
}
