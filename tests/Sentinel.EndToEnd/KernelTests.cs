using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd;

/// <summary>The kernel forwards while the VM serves, and user space waits while it does not.</summary>
public sealed class KernelTests : IAsyncLifetime
{
    private const string Divert = $"dnat ip to {Street.Vm}:7000";

    private readonly Sandbox _sandbox = new();
    private Street? _street;

    private string Tables => _street!.Sentinel.Do("nft", "list", "ruleset");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _sandbox.DisposeAsync();
        _street?.Dispose();
    }

    [NeedsFact("root", "ip", "nft", "setpriv")]
    public async Task From_kernel_to_user_space_and_back()
    {
        _street = new();
        var vm = _street!.Boot();
        var sentinel = await StartAsync("kernel");
        await Eventually.TrueAsync(() => Tables.Contains(Divert, StringComparison.Ordinal));

        var first = await _street!.ConnectAsync();
        Assert.Equal(Street.Near, await Street.ReadLineAsync(first));
        Assert.Equal("by the kernel", await Street.EchoAsync(first, "by the kernel"));
        await Eventually.TrueAsync(async () => await sentinel.MetricAsync("sentinel_connections_active{listener=\"ssh\"}") == 1);
        await Eventually.TrueAsync(async () => await sentinel.MetricAsync("sentinel_relay_bytes_total{direction=\"to_client\",listener=\"ssh\"}") > 13);
        var listener = (await sentinel.StatusAsync())["listeners"]![0]!;
        Assert.Equal(("kernel", 1), ((string?)listener["engine"], (int?)listener["accepted"]));

        vm.Dispose();
        await Eventually.TrueAsync(() => !Tables.Contains(Divert, StringComparison.Ordinal));
        var held = await _street!.ConnectAsync();
        await Eventually.TrueAsync(async () => await sentinel.MetricAsync("sentinel_connections_held{listener=\"ssh\"}") == 1);
        using var again = _street!.Boot();
        Assert.Equal(Street.Near, await Street.ReadLineAsync(held));

        await Eventually.TrueAsync(() => Tables.Contains(Divert, StringComparison.Ordinal));
        var last = await _street!.ConnectAsync();
        Assert.Equal(Street.Near, await Street.ReadLineAsync(last));
        Assert.Equal("both go on", await Street.EchoAsync(held, "both go on"));
        await Eventually.TrueAsync(async () => await sentinel.MetricAsync("sentinel_connections_active{listener=\"ssh\"}") == 2);

        held.Dispose();
        last.Dispose();
        await sentinel.Signal("TERM");
        await sentinel.Signal("TERM");
        Assert.Equal(0, await sentinel.ExitAsync());
        Assert.Empty(Tables);
    }

    [NeedsFact("root", "ip", "nft", "setpriv")]
    public async Task What_a_killed_daemon_left_is_cleared_away_by_the_next()
    {
        _street = new();
        using var vm = _street!.Boot();
        var killed = await StartAsync("kernel");
        await Eventually.TrueAsync(() => Tables.Contains(Divert, StringComparison.Ordinal));
        await killed.KillAsync();
        Assert.Contains(Divert, Tables, StringComparison.Ordinal);

        var next = await StartAsync("auto");
        Assert.Empty(Tables);
        await next.UntilAsync("one", "serving");
        Assert.Equal(Street.Near, await Street.ReadLineAsync(await _street!.ConnectAsync()));
        Assert.Equal("splice", (string?)(await next.StatusAsync())["listeners"]![0]!["engine"]);
    }

    private Task<SentinelProcess> StartAsync(string engine)
    {
        _street!.Sentinel.Do("sysctl", "-qw", "net.ipv4.ip_forward=1");
        return _sandbox.StartAsync(Street.Configuration(new { bind = new[] { $"{Street.At}:22" }, protocol = "tcp", pool = "vm", port = Street.Port, engine }),
            new() { Network = _street.Sentinel, Capabilities = ["net_admin", "net_raw", "net_bind_service"] });
    }
}
