using System.Net;
using System.Net.Sockets;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd;

/// <summary>What goes wrong around a daemon: it says so in one line, and loses nothing.</summary>
public sealed class TroubleTests : IAsyncLifetime
{
    private readonly Sandbox _sandbox = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _sandbox.DisposeAsync();

    [NeedsFact("linux")]
    public async Task A_wrong_file_starts_nothing_and_every_error_is_told()
    {
        var sentinel = _sandbox.Launch(new { backends = new { }, pools = new { web = new { backends = new[] { "ghost" }, policy = "best" } }, listeners = new { } });

        Assert.Equal(2, await sentinel.ExitAsync());
        Assert.Contains("pools.web.backends", sentinel.Log, StringComparison.Ordinal);
        Assert.Contains("pools.web.policy", sentinel.Log, StringComparison.Ordinal);
        Assert.Contains("ghost", sentinel.Log, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_sandbox.State));
    }

    [NeedsFact("linux")]
    public async Task A_file_that_is_not_there_is_named()
    {
        var result = await DaemonProgram.RunAsync("run", "--config", "/nowhere/sentinel.json");

        Assert.Equal(2, result.Status);
        Assert.Contains("/nowhere/sentinel.json", result.Error + result.Output, StringComparison.Ordinal);
    }

    [NeedsFact("linux")]
    public async Task A_port_already_taken_names_the_listener_and_the_address()
    {
        using var other = new TcpListener(IPAddress.Parse(_sandbox.Front), 8080);
        other.Start();

        var sentinel = _sandbox.Launch(Configuration());

        Assert.Equal(1, await sentinel.ExitAsync());
        Assert.Contains($"{_sandbox.Front}:8080", sentinel.Log, StringComparison.Ordinal);
        Assert.Contains("in use", sentinel.Log, StringComparison.OrdinalIgnoreCase);
        Assert.Empty(Vms());
    }

    [NeedsFact("linux")]
    public async Task A_state_directory_that_cannot_be_made_is_named()
    {
        var sentinel = _sandbox.Launch(Configuration("/proc/sentinel"));

        Assert.NotEqual(0, await sentinel.ExitAsync());
        Assert.Contains("/proc/sentinel", sentinel.Log, StringComparison.Ordinal);
        Assert.Empty(Vms());
    }

    [NeedsFact("linux", "root", "mount")]
    public async Task On_a_full_disk_the_VM_comes_back_all_the_same_and_the_log_says_what_is_missing()
    {
        Directory.CreateDirectory(_sandbox.State);
        (await Shell.RunAsync("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", _sandbox.State)).Ok();
        try
        {
            var sentinel = await _sandbox.StartAsync(Configuration());
            await sentinel.UntilAsync("one", "serving");
            await Shell.RunAsync("dd", "if=/dev/zero", $"of={_sandbox.State}/fill", "bs=4k");
            foreach (var id in Vms())
            {
                await Shell.RunAsync("kill", "-9", $"{id}");
            }

            await Eventually.TrueAsync(() => sentinel.Events("records.unwritable").Any(line => ((string)line["msg"]!).Contains("disk was full", StringComparison.Ordinal)));
            await sentinel.UntilAsync("one", "serving");

            Assert.Single(Vms());
            await sentinel.DisposeAsync();
        }
        finally
        {
            await Shell.RunAsync("umount", "-l", _sandbox.State);
        }
    }

    [NeedsFact("linux")]
    public async Task A_bad_reload_changes_nothing_and_a_good_one_drops_no_connection()
    {
        var sentinel = await _sandbox.StartAsync(Configuration());
        await sentinel.UntilAsync("one", "serving");
        using var open = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await open.ConnectAsync(_sandbox.Front, 7000);
        await EchoAsync(open);

        sentinel.Configure(new { backends = new { }, nonsense = true });
        await sentinel.Signal("HUP");
        await Eventually.TrueAsync(() => sentinel.Events("config.rejected").Any());
        await EchoAsync(open);
        Assert.True(await sentinel.MetricAsync("sentinel_config_reloads_total{outcome=\"rejected\"}") >= 1);

        sentinel.Configure(Configuration(port: 8090));
        await sentinel.Signal("HUP");
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                return await client.GetStringAsync(new Uri($"http://{_sandbox.Front}:8090/")) == "one";
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
        await EchoAsync(open);
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetStringAsync(new Uri($"http://{_sandbox.Front}:8080/")));
        Assert.Single(Vms());
    }

    [NeedsFact("linux")]
    public async Task A_changed_file_is_taken_without_a_signal()
    {
        var sentinel = await _sandbox.StartAsync(Configuration());
        sentinel.Configure(Configuration(port: 8091));

        await Eventually.TrueAsync(async () =>
            (string?)(await sentinel.StatusAsync())["listeners"]!.AsArray().Single(listener => (string?)listener!["name"] == "http")!["bind"]![0] == $"{_sandbox.Front}:8091");
    }

    [NeedsFact("linux", "promtool")]
    public async Task The_metrics_satisfy_promtool()
    {
        var sentinel = await _sandbox.StartAsync(Configuration());
        await sentinel.UntilAsync("one", "serving");
        using var metrics = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(await sentinel.GetAsync("/metrics")));

        var result = await Shell.RunAsync("promtool", metrics, "check", "metrics");

        Assert.Equal((0, ""), (result.Status, result.Output + result.Error));
    }

    private int[] Vms() => Sandbox.ProcessesWith($"--address {_sandbox.Address(10)}");

    private object Configuration(string? state = null, int port = 8080) => new
    {
        stateDirectory = state ?? _sandbox.State,
        backends = new Dictionary<string, object>
        {
            ["one"] = new
            {
                instance = "process/one",
                address = _sandbox.Address(10),
                command = _sandbox.WebVm("one", _sandbox.Address(10)),
                health = new { kind = "http", port = 8080, interval = "1s" },
                recovery = new { backoff = new { initial = "500ms", max = "2s" } },
            },
        },
        pools = new { web = new { backends = new[] { "one" } } },
        listeners = new
        {
            http = new { bind = new[] { $"{_sandbox.Front}:{port}" }, protocol = "http", pool = "web", port = 8080, hold = "30s" },
            tcp = new { bind = new[] { $"{_sandbox.Front}:7000" }, protocol = "tcp", pool = "web", port = 7000, hold = "30s" },
        },
    };

    private static async Task EchoAsync(Socket socket)
    {
        await socket.SendAsync("ping"u8.ToArray());
        var buffer = new byte[4];
        Assert.Equal(4, await socket.ReceiveAsync(buffer));
    }
}
