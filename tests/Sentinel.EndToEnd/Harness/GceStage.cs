using System.Net.Sockets;
using Sentinel.Testing;
using Sentinel.Testing.FakeGce;

namespace Sentinel.EndToEnd.Harness;

/// <summary>A fake cloud whose VMs listen in the test's own network, and a daemon that is pointed at it.</summary>
internal sealed class GceStage : IAsyncDisposable
{
    public const string Zone = "us-central1-a";

    private readonly ProcessGuests _guests;

    private GceStage(Sandbox sandbox, ProcessGuests guests, FakeGceServer server) => (Sandbox, _guests, Server) = (sandbox, guests, server);

    public Sandbox Sandbox { get; }

    public FakeGceServer Server { get; }

    public FakeProject Project => Server.Project;

    /// <summary>What the next <see cref="Configuration"/> says of them.</summary>
    public string Credentials { get; set; } = "none";

    public SentinelProcess Sentinel { get; private set; } = null!;

    public string Status(string vm) => Project.Find(Zone, vm)?.Status ?? "GONE";

    /// <param name="vms">The VMs, all running; the first is preferred.</param>
    public static Task<GceStage> StartAsync(params string[] vms) => StartAsync(_ => { }, vms);

    /// <param name="furnish">Puts in what there is besides VMs.</param>
    public static async Task<GceStage> StartAsync(Action<FakeProject> furnish, params string[] vms)
    {
        var sandbox = new Sandbox();
        var guests = new ProcessGuests("--journal", sandbox.PathOf("journal"));
        var stage = new GceStage(sandbox, guests, await FakeGceServer.StartAsync(timing: GceTiming.Quick, guests: guests));
        stage.Project.Network = sandbox.Address(0)[..^2];
        furnish(stage.Project);
        for (var i = 0; i < vms.Length; i++)
        {
            stage.Project.AddRunning(Zone, vms[i], sandbox.Address(10 + i));
        }

        // A daemon that finds a VM that does not answer yet would write down an outage.
        for (var i = 0; i < vms.Length; i++)
        {
            await Eventually.TrueAsync(() => AnswersAsync(sandbox.Address(10 + i)));
        }

        stage.Sentinel = await sandbox.StartAsync(stage.Configuration(vms));
        foreach (var vm in vms)
        {
            await stage.Sentinel.UntilAsync(vm, "serving");
        }

        return stage;
    }

    private static async Task<bool> AnswersAsync(string address)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(address, 8080);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public object Configuration(params string[] vms) => new
    {
        clouds = new { gce = new { project = Project.Name, endpoint = Server.Endpoint.ToString().TrimEnd('/'), credentials = Credentials, watchInterval = "500ms", requestsPerMinute = 6000 } },
        backends = vms.Select((vm, i) => (vm, i)).ToDictionary(each => each.vm, each => (object)new
        {
            instance = $"gce/{Zone}/{each.vm}",
            priority = each.i,
            prices = new { spot = 0.02, onDemand = 0.1 },
            health = new { kind = "http", port = 8080, interval = "500ms" },
            recovery = new { backoff = new { initial = "500ms", max = "1s" }, startTimeout = "30s", fallbacks = new[] { new { machineType = "n2-highmem-8" } }, recreate = new { template = $"projects/{Project.Name}/global/instanceTemplates/spot", dataDisks = new[] { "data" } } },
        }),
        pools = new { web = new { backends = vms } },
        listeners = new
        {
            http = new { bind = new[] { $"{Sandbox.Front}:8080" }, protocol = "http", pool = "web", port = 8080, hold = "60s" },
            tcp = new { bind = new[] { $"{Sandbox.Front}:7000" }, protocol = "tcp", pool = "web", port = 7000, hold = "60s" },
        },
    };

    public async ValueTask DisposeAsync()
    {
        await Sandbox.DisposeAsync();
        _guests.Dispose();
        await Server.DisposeAsync();
    }
}
