using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd;

/// <summary>The client's own address, all the way to the VM, with the rules that the command prints.</summary>
public sealed class TransparentTests : IAsyncLifetime
{
    private readonly Sandbox _sandbox = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _sandbox.DisposeAsync();

    [NeedsTheory("root", "ip", "nft", "setpriv")]
    [InlineData("managed")]
    [InlineData("splice")]
    public async Task The_VM_sees_the_clients_own_address_also_after_an_outage(string engine)
    {
        using var street = new Street();
        street.Vms.Do("ip", "route", "add", "default", "via", Street.Near);
        var vm = street.Boot();
        var sentinel = await _sandbox.StartAsync(Street.Configuration(
            new { bind = new[] { $"{Street.At}:22" }, protocol = "tcp", pool = "vm", port = Street.Port, transparent = true, engine }), new() { Network = street.Sentinel, Capabilities = ["net_raw", "net_bind_service"] });
        street.Sentinel.Feed((await DaemonProgram.RunAsync("transparent-rules", "--config", sentinel.Configuration)).Ok(), "sh");
        await sentinel.UntilAsync("one", "serving");

        var first = await street.ConnectAsync();
        Assert.Equal(Street.Client, await Street.ReadLineAsync(first));
        Assert.Equal("through", await Street.EchoAsync(first, "through"));

        vm.Dispose();
        await Eventually.TrueAsync(async () => await sentinel.StateAsync("one") != "serving");
        var held = await street.ConnectAsync();
        await Eventually.TrueAsync(async () => await sentinel.MetricAsync("sentinel_connections_held{listener=\"ssh\"}") == 1);
        using var again = street.Boot();

        Assert.Equal(Street.Client, await Street.ReadLineAsync(held));
        Assert.Equal("through", await Street.EchoAsync(held, "through"));
    }

    [NeedsFact("linux")]
    public async Task Without_a_transparent_listener_the_command_says_that_nothing_is_to_be_done()
    {
        var file = _sandbox.Write("plain.json", """
            { "backends": { "a": { "address": "10.0.0.1" } }, "pools": { "p": { "backends": ["a"] } },
              "listeners": { "l": { "bind": ["127.0.0.1:1"], "protocol": "tcp", "pool": "p", "port": 22 } } }
            """);

        Assert.Equal("# No listener is transparent: nothing to do.\n", (await DaemonProgram.RunAsync("transparent-rules", "--config", file)).Ok());
    }

    [NeedsFact("root", "setpriv")]
    public async Task Without_the_right_to_it_the_daemon_says_what_is_missing()
    {
        var configuration = _sandbox.Write("transparent.json", $$"""
            { "stateDirectory": "{{_sandbox.State}}", "admin": { "bind": "{{_sandbox.Front}}:8888" },
              "backends": { "a": { "address": "10.0.0.1" } }, "pools": { "p": { "backends": ["a"] } },
              "listeners": { "l": { "bind": ["{{_sandbox.Front}}:2222"], "protocol": "tcp", "pool": "p", "port": 22, "transparent": true } } }
            """);

        var result = await Shell.RunAsync("setpriv", ["--bounding-set=-net_admin,-net_raw", "--inh-caps=-net_admin,-net_raw", .. DaemonProgram.Command("run", "--config", configuration)]);

        Assert.Equal(1, result.Status);
        Assert.Contains(
            "listeners.l: transparent needs CAP_NET_RAW for this process: run the service as root or give its unit AmbientCapabilities=CAP_NET_RAW and the same in CapabilityBoundingSet=",
            result.Error, StringComparison.Ordinal);
    }
}
