using System.Diagnostics;
using System.Net;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd;

/// <summary>A VM whose packets vanish from one moment to the next, without a reset, as a preempted one's do, while HTTP goes through.</summary>
public sealed class HttpVanishTests : IAsyncLifetime
{
    private const string Vm = "10.64.1.2";
    private readonly Sandbox _sandbox = new();
    private readonly List<IDisposable> _open = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _sandbox.DisposeAsync();
        _open.Reverse();
        _open.ForEach(one => one.Dispose());
    }

    /// <summary>Told by the probes, requests end with 502; without, TCP finds out: TCP_USER_TIMEOUT for who has sent, keepalive for who waits.</summary>
    [NeedsTheory("linux", "root", "ip", "nft")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Requests_under_way_end_half_open_connections_go_and_the_first_request_after_it_succeeds(bool closeOnDown)
    {
        var (front, back) = (Own(new NetworkNamespace("vnh")), Own(new NetworkNamespace("vnh")));
        front.Connect(back, ["10.64.1.1/24"], [$"{Vm}/24"]);
        _open.Add(new Ending(back.Start(_sandbox.WebVm("one", Vm))));
        var sentinel = await _sandbox.StartAsync(
            new
            {
                backends = new { one = new { address = Vm, health = new { kind = "tcp", port = 8080, interval = "500ms", timeout = "500ms", healthyAfter = 1, unhealthyAfter = 2 } } },
                pools = new { web = new { backends = new[] { "one" } } },
                listeners = new { http = new { bind = new[] { $"{_sandbox.Front}:8080" }, protocol = "http", pool = "web", port = 8080, hold = "60s", closeOnDown } },
            },
            new() { Network = front });
        await sentinel.UntilAsync("one", "serving");
        using var client = Client(front);

        // A connection whose answer has begun, one that waits for its answer, and one that is idle.
        using var begun = await client.GetAsync(Path("/drip"), HttpCompletionOption.ResponseHeadersRead);
        await using var body = await begun.Content.ReadAsStreamAsync();
        Assert.NotEqual(0, await body.ReadAsync(new byte[6]));
        var waiting = client.PostAsync(Path("/stall"), new ByteArrayContent([1]));
        await Eventually.TrueAsync(() => Established(front) == 2);
        Assert.Equal("one", await client.GetStringAsync(Path("/")));
        Assert.Equal(3, Established(front));
        Silence(back);

        var ended = await waiting.WaitAsync(TimeSpan.FromSeconds(90), TimeProvider.System);
        Assert.Equal(HttpStatusCode.BadGateway, ended.StatusCode);
        await Assert.ThrowsAnyAsync<Exception>(async () => await body.CopyToAsync(Stream.Null).WaitAsync(TimeSpan.FromSeconds(90), TimeProvider.System));
        await Eventually.TrueAsync(() => Established(front) == 0, TimeSpan.FromSeconds(90), "connections to the VM that vanished are closed");

        // Held while the VM is away, and never sent on a connection of its earlier life.
        await Eventually.TrueAsync(async () => await sentinel.StateAsync("one") != "serving");
        var held = client.PostAsync(Path("/upload"), new ByteArrayContent([1, 2, 3]));
        await Eventually.TrueAsync(async () => await sentinel.MetricAsync("sentinel_connections_held{listener=\"http\"}") == 1);
        back.Do("nft", "delete", "table", "inet", "silence");

        Assert.Equal(HttpStatusCode.OK, (await held.WaitAsync(TimeSpan.FromSeconds(60), TimeProvider.System)).StatusCode);
        Assert.Equal("one", await client.GetStringAsync(Path("/")));
    }

    private static void Silence(NetworkNamespace network) => network.Feed(
        """
        table inet silence {
            chain input { type filter hook input priority -500; policy drop; }
            chain output { type filter hook output priority -500; policy drop; }
        }

        """,
        "nft", "-f", "-");

    /// <summary>How many connections there are from the sentinel to the VM's port, whatever their state but closed.</summary>
    private static int Established(NetworkNamespace front) =>
        front.Do("ss", "-Htn", "state", "established", "dst", $"{Vm}:8080").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;

    private Uri Path(string path) => new($"http://{_sandbox.Front}:8080{path}");

    private static HttpClient Client(NetworkNamespace network) => new(new Surroundings { Network = network }.Handler());

    private sealed class Ending(Process process) : IDisposable
    {
        public void Dispose()
        {
            process.Kill();
            process.Dispose();
        }
    }

    private T Own<T>(T one)
        where T : IDisposable
    {
        _open.Add(one);
        return one;
    }
}
