using System.Net;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd;

/// <summary><c>kill -9</c> of the daemon, whatever it was doing: the VM is never doubled and always comes to serve.</summary>
public sealed class CrashTests : IAsyncLifetime
{
    private readonly Sandbox _sandbox = new();
    private object _configuration = null!;

    public Task InitializeAsync()
    {
        // A VM that boots only once it is let go keeps the recovery in whatever state the test wants to see.
        _configuration = new
        {
            backends = new Dictionary<string, object>
            {
                ["one"] = new
                {
                    instance = "process/one",
                    address = _sandbox.Address(10),
                    command = _sandbox.WebVm("one", _sandbox.Address(10), "--wait-for", Gate),
                    health = new { kind = "http", port = 8080, interval = "1s" },
                    recovery = new { backoff = new { initial = "500ms", max = "1s" } },
                },
            },
            pools = new { web = new { backends = new[] { "one" } } },
            listeners = new { http = new { bind = new[] { $"{_sandbox.Front}:8080" }, protocol = "http", pool = "web", port = 8080, hold = "60s" } },
        };
        return Task.CompletedTask;
    }

    public async Task DisposeAsync() => await _sandbox.DisposeAsync();

    [NeedsFact("linux")]
    public async Task While_it_serves()
    {
        Open();
        var sentinel = await _sandbox.StartAsync(_configuration);
        await sentinel.UntilAsync("one", "serving");
        var vm = Assert.Single(Vms());

        await sentinel.KillAsync();
        sentinel = await _sandbox.StartAsync(_configuration);
        await sentinel.UntilAsync("one", "serving");

        Assert.Equal(vm, Assert.Single(Vms()));
        Assert.Equal(0, (int)(await sentinel.BackendAsync("one"))["preemptions"]!);
    }

    [NeedsFact("linux")]
    public async Task While_the_VM_boots()
    {
        var sentinel = await _sandbox.StartAsync(_configuration);
        await Eventually.TrueAsync(() => Vms().Length == 1);
        var vm = Vms()[0];

        await sentinel.KillAsync();
        sentinel = await _sandbox.StartAsync(_configuration);
        Open();
        await sentinel.UntilAsync("one", "serving");

        Assert.Equal(vm, Assert.Single(Vms()));
    }

    [NeedsFact("linux")]
    public async Task While_an_outage_is_open_and_the_same_outage_goes_on()
    {
        Open();
        var sentinel = await _sandbox.StartAsync(_configuration);
        await sentinel.UntilAsync("one", "serving");
        File.Delete(Gate);
        await KillVmAsync();
        await sentinel.UntilAsync("one", "starting", "verifying", "waiting");

        // The pool is told first, and the record is written then, before anything is done about it.
        string? outage = null;
        await Eventually.TrueAsync(async () =>
        {
            outage = (string?)(await sentinel.BackendAsync("one"))["outage"];
            return outage is not null && File.Exists(Path.Combine(_sandbox.State, "outages", $"{outage}.json"));
        });

        await sentinel.KillAsync();
        sentinel = await _sandbox.StartAsync(_configuration);
        await sentinel.UntilAsync("one", "starting", "verifying", "waiting");
        Assert.Equal(outage, (string?)(await sentinel.BackendAsync("one"))["outage"]);
        Open();
        await sentinel.UntilAsync("one", "serving");

        Assert.Single(Vms());
        Assert.Single(Directory.GetFiles(Path.Combine(_sandbox.State, "outages"), "*.json"));
        Assert.Equal(1, (int)(await sentinel.BackendAsync("one"))["preemptions"]!);
    }

    [NeedsFact("linux")]
    public async Task And_the_VM_dies_while_nobody_looks()
    {
        Open();
        var sentinel = await _sandbox.StartAsync(_configuration);
        await sentinel.UntilAsync("one", "serving");

        await sentinel.KillAsync();
        await KillVmAsync();
        sentinel = await _sandbox.StartAsync(_configuration);
        await sentinel.UntilAsync("one", "serving");

        Assert.Single(Vms());
    }

    [NeedsFact("linux")]
    public async Task Between_two_attempts_on_a_VM_that_will_not_start()
    {
        Open();
        var sentinel = await _sandbox.StartAsync(Broken());
        await sentinel.UntilAsync("one", "waiting");

        await sentinel.KillAsync();
        sentinel = await _sandbox.StartAsync(_configuration);
        await sentinel.UntilAsync("one", "serving");

        Assert.Single(Vms());
    }

    [NeedsFact("linux")]
    public async Task While_it_drains()
    {
        Open();
        var sentinel = await _sandbox.StartAsync(_configuration);
        await sentinel.UntilAsync("one", "serving");
        Assert.Equal(HttpStatusCode.Accepted, await sentinel.PostAsync("/v1/backends/one/drain"));
        await sentinel.UntilAsync("one", "draining", "drained");

        await sentinel.KillAsync();
        await _sandbox.StartAsync(_configuration);

        await Eventually.TrueAsync(() => Vms().Length == 1);
    }

    [NeedsFact("linux")]
    public async Task Again_and_again_at_any_moment_of_a_recovery()
    {
        Open();
        var random = new Random(11);
        for (var round = 0; round < 12; round++)
        {
            var sentinel = _sandbox.Launch(_configuration);
            await Eventually.TrueAsync(() => sentinel.Log.Length > 0 || sentinel.HasExited);
            Assert.False(sentinel.HasExited, sentinel.Log);
            var lines = random.Next(1, 14);
            await Eventually.TrueAsync(() => sentinel.Log.AsSpan().Count('\n') + 1 >= lines || Vms().Length > 0);
            if (random.Next(2) == 0)
            {
                await KillVmAsync();
            }

            await sentinel.KillAsync();
            Assert.InRange(Vms().Length, 0, 1);
        }

        var last = await _sandbox.StartAsync(_configuration);
        await last.UntilAsync("one", "serving");
        Assert.Single(Vms());
    }

    [NeedsFact("linux")]
    public async Task An_orderly_stop_takes_its_VMs_along()
    {
        Open();
        var sentinel = await _sandbox.StartAsync(_configuration);
        await sentinel.UntilAsync("one", "serving");

        await sentinel.Signal("TERM");

        Assert.Equal(0, await sentinel.ExitAsync());
        Assert.Empty(Vms());
    }

    [NeedsFact("linux")]
    public async Task A_second_daemon_on_the_same_state_is_refused()
    {
        Open();
        var first = await _sandbox.StartAsync(_configuration);
        await first.UntilAsync("one", "serving");

        var second = _sandbox.Launch(_configuration);

        Assert.NotEqual(0, await second.ExitAsync());
        Assert.Contains(_sandbox.State, second.Log, StringComparison.Ordinal);
        Assert.Single(Vms());
    }

    private string Gate => _sandbox.PathOf("gate");

    private void Open() => File.WriteAllText(Gate, "");

    private int[] Vms() => Sandbox.ProcessesWith($"--address {_sandbox.Address(10)}");

    private object Broken() => new
    {
        backends = new Dictionary<string, object>
        {
            ["one"] = new
            {
                instance = "process/one",
                address = _sandbox.Address(10),
                command = new[] { "/bin/false" },
                health = new { kind = "http", port = 8080, interval = "1s" },
                recovery = new { backoff = new { initial = "500ms", max = "1s" } },
            },
        },
        pools = new { web = new { backends = new[] { "one" } } },
        listeners = new { http = new { bind = new[] { $"{_sandbox.Front}:8080" }, protocol = "http", pool = "web", port = 8080, hold = "60s" } },
    };

    private async Task KillVmAsync()
    {
        foreach (var id in Vms())
        {
            await Shell.RunAsync("kill", "-9", $"{id}");
        }
    }
}
