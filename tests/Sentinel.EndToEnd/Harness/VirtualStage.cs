using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Sentinel.Service.Configuration;
using Sentinel.Service.Hosting;
using Sentinel.Service.Lifetimes;
using Sentinel.Testing;
using Sentinel.Testing.FakeGce;

namespace Sentinel.EndToEnd.Harness;

/// <summary>
/// The whole daemon and a fake cloud with VMs that listen, in virtual time: an hour passes in seconds, as slowly as requests
/// to the cloud need it. Sockets and VMs are real. The daemon's time of day can be set, the cloud's cannot.
/// </summary>
internal sealed class VirtualStage : IAsyncDisposable
{
    public const string Zone = GceStage.Zone;

    /// <summary>Shorter than what the daemon gives a request: none runs out of time that was answered at once.</summary>
    private static readonly TimeSpan LongestStep = TimeSpan.FromSeconds(4);

    private readonly ProcessGuests _guests;
    private readonly Daemon _daemon;
    private readonly StopSignals _signals = new(null);
    private readonly SystemdLink _systemd = SystemdLink.FromEnvironment();
    private readonly MemoryStream _log = new();
    private readonly HttpClient _admin;
    private readonly Task _running;

    private VirtualStage(Sandbox sandbox, ManualTimeProvider time, FakeGceServer server, ProcessGuests guests, object configuration)
    {
        (Sandbox, Time, Server, _guests, Clock) = (sandbox, time, server, guests, new(time));
        var source = new ConfigurationSource(sandbox.Configure(configuration));
        _daemon = Daemon.Create(new DaemonParts
        {
            Configuration = source.Read().Configuration!,
            Source = source,
            Signals = _signals,
            Systemd = _systemd,
            LogOutput = Stream.Synchronized(_log),
            LogsToConsole = false,
            Time = Clock,
        });
        _admin = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new($"http://{sandbox.Front}:8888") };
        _running = Task.Run(_daemon.RunAsync);
    }

    public Sandbox Sandbox { get; }

    /// <summary>What passes, for the daemon and the cloud alike.</summary>
    public ManualTimeProvider Time { get; }

    /// <summary>The daemon's clock.</summary>
    public WallClock Clock { get; }

    public FakeGceServer Server { get; }

    public FakeProject Project => Server.Project;

    public FakeInstance Vm => Project.Find(Zone, "spot-1")!;

    /// <param name="cloud">Put in place of what <c>clouds.gce</c> has.</param>
    /// <param name="more">Changes the configuration further.</param>
    public static async Task<VirtualStage> StartAsync(JsonObject? cloud = null, Action<JsonObject>? more = null, params string[] vms)
    {
        var (sandbox, time, guests) = (new Sandbox(), new ManualTimeProvider(), new ProcessGuests { IsPatient = true });
        var server = await FakeGceServer.StartAsync(time, new GceTiming(), guests);
        server.Project.Network = sandbox.Address(0)[..^2];
        vms = vms.Length == 0 ? ["spot-1"] : vms;
        for (var i = 0; i < vms.Length; i++)
        {
            server.Project.AddRunning(Zone, vms[i], sandbox.Address(10 + i));
        }

        var configuration = Configuration(sandbox, server, cloud, vms);
        more?.Invoke(configuration);
        var stage = new VirtualStage(sandbox, time, server, guests, configuration);
        try
        {
            foreach (var vm in vms)
            {
                await stage.ServesAsync(vm);
            }
        }
        catch
        {
            await stage.DisposeAsync();
            throw;
        }

        return stage;
    }

    /// <summary>Lets time pass.</summary>
    public async Task PassAsync(TimeSpan span)
    {
        for (var end = Time.GetUtcNow() + span; Time.GetUtcNow() < end;)
        {
            var rest = end - Time.GetUtcNow();
            await StepAsync(rest < LongestStep ? rest : LongestStep);
        }
    }

    /// <summary>Lets time pass until something holds.</summary>
    /// <param name="atMost">Of virtual time.</param>
    public async Task UntilAsync(Func<Task<bool>> condition, TimeSpan? atMost = null, [CallerArgumentExpression(nameof(condition))] string? what = null)
    {
        var end = Time.GetUtcNow() + (atMost ?? TimeSpan.FromMinutes(10));
        while (Time.GetUtcNow() < end)
        {
            if (await condition())
            {
                return;
            }

            await StepAsync(TimeSpan.FromSeconds(1));
        }

        // What is due by now may need a moment more of the machine, but none of virtual time.
        try
        {
            await Eventually.TrueAsync(condition, what: what);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{Log}", e);
        }
    }

    public Task UntilAsync(Func<bool> condition, TimeSpan? atMost = null, [CallerArgumentExpression(nameof(condition))] string? what = null) =>
        UntilAsync(() => Task.FromResult(condition()), atMost, what);

    /// <summary>Takes VMs away, and waits until the daemon knows.</summary>
    public async Task PreemptAsync(params string[] vms)
    {
        foreach (var vm in vms)
        {
            Project.Preempt(Zone, vm);
        }

        foreach (var vm in vms)
        {
            await UntilAsync(async () => (string)(await BackendAsync(vm))!["state"]! != "serving", what: $"{vm} does not serve");
        }
    }

    /// <summary>Until it serves again.</summary>
    public Task ServesAsync(string vm = "spot-1", TimeSpan? atMost = null) => UntilAsync(async () => await BackendAsync(vm) is { } backend && (string)backend["state"]! == "serving", atMost, $"{vm} serves");

    /// <summary>What status tells of a backend; null while nobody answers.</summary>
    public async Task<JsonNode?> BackendAsync(string vm = "spot-1")
    {
        if (_running.IsCompleted)
        {
            await _running;
        }

        try
        {
            return JsonNode.Parse(await _admin.GetStringAsync(new Uri("/status", UriKind.Relative)))!["backends"]!.AsArray().Single(backend => (string?)backend!["name"] == vm);
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    public async Task<JsonNode[]> OutagesAsync() => [.. JsonNode.Parse(await _admin.GetStringAsync(new Uri("/outages", UriKind.Relative)))!["outages"]!.AsArray().Select(outage => outage!)];

    public async Task<HttpStatusCode> PostAsync(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(Path.Combine(Sandbox.State, "admin.token"))).Trim());
        using var response = await _admin.SendAsync(request);
        return response.StatusCode;
    }

    /// <summary>A client of the <c>http</c> listener that is as patient as it must be.</summary>
    public HttpClient Client() => new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new($"http://{Sandbox.Front}:8080"), Timeout = TimeSpan.FromMinutes(2) };

    /// <summary>Operations of a kind, those included that failed.</summary>
    public FakeOperation[] Operations(string type) => [.. Project.Operations.Where(operation => operation.Type == type)];

    public string Log
    {
        get
        {
            lock (_log)
            {
                return System.Text.Encoding.UTF8.GetString(_log.ToArray());
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _signals.RequestStop();
        while (!_running.IsCompleted)
        {
            await StepAsync(TimeSpan.FromSeconds(1));
        }

        await _daemon.DisposeAsync();
        _admin.Dispose();
        _signals.Dispose();
        _systemd.Dispose();
        _guests.Dispose();
        await Server.DisposeAsync();
        await Sandbox.DisposeAsync();
    }

    private async Task StepAsync(TimeSpan by)
    {
        Time.Advance(by);

        // What that set off has its way before more time passes.
        do
        {
            await Task.Delay(TimeSpan.FromMilliseconds(4), TimeProvider.System);
        }
        while (Server.Busy > 0);
    }

    private static JsonObject Configuration(Sandbox sandbox, FakeGceServer server, JsonObject? cloud, string[] vms)
    {
        var gce = new JsonObject { ["project"] = server.Project.Name, ["endpoint"] = server.Endpoint.ToString().TrimEnd('/'), ["credentials"] = "none" };
        foreach (var (key, value) in cloud ?? [])
        {
            gce[key] = value?.DeepClone();
        }

        return new()
        {
            ["clouds"] = new JsonObject { ["gce"] = gce },
            ["backends"] = new JsonObject(vms.Select((vm, i) => KeyValuePair.Create(vm, (JsonNode?)new JsonObject
            {
                ["instance"] = $"gce/{Zone}/{vm}",
                ["priority"] = i,
                ["health"] = new JsonObject { ["kind"] = "http", ["port"] = 8080, ["timeout"] = "5m" },
            }))),
            ["pools"] = new JsonObject { ["web"] = new JsonObject { ["backends"] = new JsonArray([.. vms.Select(vm => (JsonNode?)vm)]) } },
            ["listeners"] = new JsonObject { ["http"] = new JsonObject { ["bind"] = new JsonArray($"{sandbox.Front}:8080"), ["protocol"] = "http", ["pool"] = "web", ["port"] = 8080, ["hold"] = "2h" } },
        };
    }
}
