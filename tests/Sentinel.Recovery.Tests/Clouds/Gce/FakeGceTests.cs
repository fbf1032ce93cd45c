using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Sentinel.Testing;
using Sentinel.Testing.FakeGce;
using Xunit.Abstractions;

namespace Sentinel.Recovery.Tests.Clouds.Gce;

/// <summary>The fake is what the real API is known to be; where gcloud is installed, it agrees.</summary>
public sealed class FakeGceTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const string Zone = "us-central1-a";
    private readonly ManualTimeProvider _time = new();
    private FakeGceServer _server = null!;
    private HttpClient _http = null!;

    private FakeProject Project => _server.Project;

    public async Task InitializeAsync()
    {
        _server = await FakeGceServer.StartAsync(_time);
        _http = new HttpClient { BaseAddress = new Uri(_server.Endpoint, $"/compute/v1/projects/test-project/zones/{Zone}/") };
    }

    public async Task DisposeAsync()
    {
        _http.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_preemption_stops_the_VM_and_is_told_of_ten_seconds_late()
    {
        var vm = Project.AddRunning(Zone, "spot-1");

        Project.Preempt(Zone, "spot-1");
        Assert.Equal("STOPPING", vm.Status);
        Assert.True(vm.IsPreempted);
        Assert.Empty(Project.Operations);

        _time.Advance(TimeSpan.FromSeconds(10));
        var told = (await GetAsync("operations"))["items"]!.AsArray().Single()!;
        Assert.StartsWith("systemevent-", (string)told["name"]!, StringComparison.Ordinal);
        Assert.Equal("compute.instances.preempted", (string)told["operationType"]!);
        Assert.Equal("system", (string)told["user"]!);
        Assert.Equal("DONE", (string)told["status"]!);
        Assert.EndsWith("-07:00", (string)told["insertTime"]!, StringComparison.Ordinal);

        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal("TERMINATED", vm.Status);
    }

    [Fact]
    public async Task A_VM_that_is_deleted_by_its_preemption_is_gone_and_keeps_its_data_disk()
    {
        Project.AddDisk(Zone, "data");
        Project.AddRunning(Zone, "spot-1", more: new JsonObject
        {
            ["scheduling"] = new JsonObject { ["provisioningModel"] = "SPOT", ["instanceTerminationAction"] = "DELETE" },
            ["disks"] = new JsonArray(
                new JsonObject { ["boot"] = true, ["autoDelete"] = true },
                new JsonObject { ["source"] = $"zones/{Zone}/disks/data" }),
        });
        Assert.Single(Project.FindDisk(Zone, "data")!["users"]!.AsArray());

        Project.Preempt(Zone, "spot-1");
        _time.Advance(TimeSpan.FromSeconds(30));

        Assert.Equal(HttpStatusCode.NotFound, (await _http.GetAsync(Here("instances/spot-1"))).StatusCode);
        Assert.Null(Project.FindDisk(Zone, "spot-1"));
        Assert.Empty(Project.FindDisk(Zone, "data")!["users"]!.AsArray());
    }

    [Fact]
    public async Task A_start_is_accepted_and_may_still_fail()
    {
        Project.AddRunning(Zone, "spot-1");
        Project.FailHost(Zone, "spot-1");
        Project.Trouble.Starving = (zone, _, _) => OperationFault.NoCapacity(zone);

        var operation = await PostAsync("instances/spot-1/start");
        Assert.Equal("PENDING", (string)operation["status"]!);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("RUNNING", (string)(await GetAsync($"operations/{operation["name"]}"))["status"]!);
        _time.Advance(TimeSpan.FromSeconds(10));
        var ended = await GetAsync($"operations/{operation["name"]}");
        Assert.Equal("DONE", (string)ended["status"]!);
        Assert.Equal("ZONE_RESOURCE_POOL_EXHAUSTED", (string)ended["error"]!["errors"]![0]!["code"]!);
        Assert.Equal("TERMINATED", (string)(await GetAsync("instances/spot-1"))["status"]!);

        Project.Trouble.Starving = (_, _, _) => null;
        await PostAsync("instances/spot-1/start");
        _time.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal("RUNNING", (string)(await GetAsync("instances/spot-1"))["status"]!);
    }

    [Fact]
    public async Task The_same_request_twice_is_one_operation()
    {
        Project.AddRunning(Zone, "spot-1");
        Project.FailHost(Zone, "spot-1");
        var id = Guid.NewGuid();

        var first = await PostAsync($"instances/spot-1/start?requestId={id}");
        _time.Advance(TimeSpan.FromMinutes(1));
        var second = await PostAsync($"instances/spot-1/start?requestId={id}");

        Assert.Equal((string)first["name"]!, (string)second["name"]!);
        Assert.Equal($"{id}", (string)second["clientOperationId"]!);
        Assert.Equal(2, Project.Find(Zone, "spot-1")!.Starts);
    }

    [Fact]
    public async Task A_VM_on_its_way_down_cannot_be_started()
    {
        Project.AddRunning(Zone, "spot-1");
        Project.Preempt(Zone, "spot-1");

        var refusal = await _http.PostAsync(Here("instances/spot-1/start"), null);

        Assert.Equal(HttpStatusCode.BadRequest, refusal.StatusCode);
        Assert.Equal("resourceNotReady", (string)(await refusal.Content.ReadFromJsonAsync<JsonNode>())!["error"]!["errors"]![0]!["reason"]!);
    }

    [Fact]
    public async Task An_insert_that_starves_leaves_nothing_behind()
    {
        Project.AddDisk(Zone, "data");
        Project.Trouble.Starving = (zone, _, _) => OperationFault.NoCapacity(zone, withDetails: true);
        var body = new JsonObject
        {
            ["name"] = "spot-1",
            ["disks"] = new JsonArray(new JsonObject { ["boot"] = true, ["autoDelete"] = true }, new JsonObject { ["source"] = $"zones/{Zone}/disks/data" }),
        };

        var operation = (await (await _http.PostAsJsonAsync(Here("instances"), body)).Content.ReadFromJsonAsync<JsonNode>())!;
        Assert.Single(Project.FindDisk(Zone, "data")!["users"]!.AsArray());
        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal("ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", (string)(await GetAsync($"operations/{operation["name"]}"))["error"]!["errors"]![0]!["code"]!);
        Assert.Equal(HttpStatusCode.NotFound, (await _http.GetAsync(Here("instances/spot-1"))).StatusCode);
        Assert.Empty(Project.FindDisk(Zone, "data")!["users"]!.AsArray());
    }

    [Fact]
    public async Task A_disk_is_held_by_one_VM()
    {
        Project.AddDisk(Zone, "data");
        Project.AddRunning(Zone, "spot-1", more: new JsonObject { ["disks"] = new JsonArray(new JsonObject { ["source"] = $"zones/{Zone}/disks/data" }) });

        var refusal = await _http.PostAsJsonAsync(Here("instances"), new JsonObject
        {
            ["name"] = "spot-2",
            ["disks"] = new JsonArray(new JsonObject { ["source"] = $"zones/{Zone}/disks/data" }),
        });

        Assert.Equal(HttpStatusCode.BadRequest, refusal.StatusCode);
        Assert.Null(Project.Find(Zone, "spot-2"));
    }

    [Fact]
    public async Task Lists_come_in_pages_and_by_name_so_that_system_events_come_last()
    {
        for (var i = 0; i < 5; i++)
        {
            Project.AddRunning(Zone, $"spot-{i}");
        }

        Project.FailHost(Zone, "spot-1");
        _time.Advance(TimeSpan.FromMinutes(1));
        await PostAsync("instances/spot-1/start");

        var first = await GetAsync("instances?maxResults=3");
        var second = await GetAsync($"instances?maxResults=3&pageToken={first["nextPageToken"]}");
        Assert.Equal(["spot-0", "spot-1", "spot-2"], Names(first));
        Assert.Equal(["spot-3", "spot-4"], Names(second));
        Assert.Null(second["nextPageToken"]);

        var byName = Names(await GetAsync("operations"));
        Assert.StartsWith("operation-", byName[0], StringComparison.Ordinal);
        Assert.StartsWith("systemevent-", byName[1], StringComparison.Ordinal);
        Assert.Equal(byName.Reverse(), Names(await GetAsync("operations?orderBy=creationTimestamp%20desc")).Reverse().OrderDescending());
    }

    [Theory]
    [InlineData("operationType=\"start\"", 1)]
    [InlineData("operationType=\"start\" AND status=\"DONE\"", 0)]
    [InlineData("operationType eq st.rt", 1)]
    [InlineData("operationType ne start", 1)]
    public async Task Filters_of_both_kinds_are_understood(string filter, int count)
    {
        Project.AddRunning(Zone, "spot-1");
        Project.FailHost(Zone, "spot-1");
        await PostAsync("instances/spot-1/start");

        Assert.Equal(count, (await GetAsync($"operations?filter={Uri.EscapeDataString(filter)}"))["items"]?.AsArray().Count ?? 0);
    }

    [Fact]
    public async Task A_mixed_filter_is_refused()
    {
        var refusal = await _http.GetAsync(Here($"operations?filter={Uri.EscapeDataString("operationType=\"start\" AND name eq x.*")}"));

        Assert.Contains("Invalid list filter expression", await refusal.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metadata_with_a_stale_fingerprint_is_refused()
    {
        Project.AddRunning(Zone, "spot-1");

        var refusal = await _http.PostAsJsonAsync(Here("instances/spot-1/setMetadata"), new JsonObject { ["fingerprint"] = "old", ["items"] = new JsonArray() });

        Assert.Equal(HttpStatusCode.PreconditionFailed, refusal.StatusCode);
    }

    [Fact]
    public async Task Too_many_requests_are_refused_until_the_next_minute()
    {
        Project.Trouble.RequestsPerMinute = 2;
        await GetAsync("instances");
        await GetAsync("instances");

        Assert.Equal(HttpStatusCode.Forbidden, (await _http.GetAsync(Here("instances"))).StatusCode);
        _time.Advance(TimeSpan.FromMinutes(1));
        await GetAsync("instances");
    }

    [Fact]
    public async Task The_metadata_server_tells_of_a_preemption_to_those_who_wait()
    {
        await using var metadata = await FakeMetadataServer.StartAsync();
        using var http = new HttpClient { BaseAddress = metadata.Endpoint };
        http.DefaultRequestHeaders.Add("Metadata-Flavor", "Google");

        using var before = await http.GetAsync(new Uri("/computeMetadata/v1/instance/preempted", UriKind.Relative));
        var waiting = http.GetStringAsync(new Uri($"/computeMetadata/v1/instance/preempted?wait_for_change=true&last_etag={before.Headers.NonValidated["ETag"]}", UriKind.Relative));
        metadata.IsPreempted = true;
        Assert.Equal("TRUE", await waiting);
    }

    /// <summary>gcloud is in no package of Debian's: where it is, it is asked; nobody has to have it.</summary>
    [Fact]
    public async Task Gcloud_drives_it()
    {
        if (Needs.Find("gcloud") is null)
        {
            output.WriteLine("There is no gcloud on this machine: nobody but our own client was asked.");
            return;
        }

        await using var server = await FakeGceServer.StartAsync(timing: GceTiming.Quick);
        server.Project.AddRunning(Zone, "spot-1");
        var folder = Directory.CreateTempSubdirectory("gcloud-").FullName;
        try
        {
            Assert.Contains("RUNNING", await GcloudAsync("list"), StringComparison.Ordinal);
            await GcloudAsync("stop", "spot-1", "--zone", Zone);
            Assert.Equal("TERMINATED", server.Project.Find(Zone, "spot-1")!.Status);
            await GcloudAsync("start", "spot-1", "--zone", Zone);
            Assert.Equal("RUNNING", server.Project.Find(Zone, "spot-1")!.Status);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        async Task<string> GcloudAsync(params string[] arguments)
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "token"), "none");
            var start = new ProcessStartInfo("gcloud") { RedirectStandardOutput = true, RedirectStandardError = true };
            foreach (var argument in (string[])["compute", "instances", .. arguments])
            {
                start.ArgumentList.Add(argument);
            }

            start.Environment["CLOUDSDK_CONFIG"] = folder;
            start.Environment["CLOUDSDK_CORE_PROJECT"] = "test-project";
            start.Environment["CLOUDSDK_CORE_DISABLE_PROMPTS"] = "1";
            start.Environment["CLOUDSDK_AUTH_ACCESS_TOKEN_FILE"] = Path.Combine(folder, "token");
            start.Environment["CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"] = new Uri(server.Endpoint, "/compute/v1/").ToString();
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            var output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            return process.ExitCode == 0 ? output : throw new InvalidOperationException(await error);
        }
    }

    private static Uri Here(string path) => new(path, UriKind.Relative);

    private static string[] Names(JsonNode list) => [.. list["items"]!.AsArray().Select(item => (string)item!["name"]!)];

    private async Task<JsonNode> GetAsync(string path) => (await _http.GetFromJsonAsync<JsonNode>(Here(path)))!;

    private async Task<JsonNode> PostAsync(string path)
    {
        using var response = await _http.PostAsync(Here(path), null);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<JsonNode>())!;
    }
}
