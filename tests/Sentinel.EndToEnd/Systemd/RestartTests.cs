using System.Text.Json.Nodes;
using Sentinel.Testing;
using Xunit.Abstractions;

namespace Sentinel.EndToEnd.Systemd;

/// <summary><c>systemctl restart</c> under load: nothing is refused, nothing is dropped, no byte is wrong.</summary>
[Collection("systemd")]
public sealed class RestartTests(ITestOutputHelper output) : IAsyncLifetime
{
    private InstalledSentinel _sentinel = null!;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_sentinel is not null)
        {
            await _sentinel.DisposeAsync();
        }
    }

    [NeedsFact("root", "systemd-nspawn", "debootstrap")]
    public async Task Five_restarts_refuse_no_connection()
    {
        await ServeAsync("auto");
        var knocking = await _sentinel.StartAsync("knock", "127.0.0.1:22");

        for (var i = 0; i < 5; i++)
        {
            await RestartAsync();
        }

        var result = await knocking.FinishAsync();
        output.WriteLine(result.ToJsonString());
        Assert.Equal("", (string?)result["faults"]);
    }

    [NeedsFact("root", "systemd-nspawn", "debootstrap")]
    public async Task A_daemon_that_was_killed_refuses_no_connection_either()
    {
        await ServeAsync("auto");
        var before = await _sentinel.Container.MainProcessAsync();

        await _sentinel.Container.ShellAsync("systemctl kill -s KILL sentinel.service");
        var knocking = await _sentinel.StartAsync("knock", "127.0.0.1:22");
        await Eventually.TrueAsync(async () => await _sentinel.Container.PropertyAsync("ActiveState") == "active");
        var result = await knocking.FinishAsync();

        Assert.NotEqual(before, await _sentinel.Container.MainProcessAsync());
        Assert.Equal("", (string?)result["faults"]);
    }

    [NeedsTheory("root", "systemd-nspawn", "debootstrap")]
    [InlineData("managed")]
    [InlineData("splice")]
    public async Task Fifty_flows_live_through_three_restarts(string engine)
    {
        await ServeAsync(engine);
        var turns = await _sentinel.StartAsync("flows", "127.0.0.1:22", "40", "20");
        var floods = await _sentinel.StartAsync("flows", "127.0.0.1:22", "10", "0");

        for (var i = 0; i < 3; i++)
        {
            await RestartAsync();
        }

        await AllWellAsync(50, turns, floods);
    }

    [NeedsFact("root", "systemd-nspawn", "debootstrap")]
    public async Task A_thousand_flows_live_through_a_restart()
    {
        await ServeAsync("auto");
        var turns = await _sentinel.StartAsync("flows", "127.0.0.1:22", "990", "500");
        var floods = await _sentinel.StartAsync("flows", "127.0.0.1:22", "10", "0");

        await RestartAsync();

        await AllWellAsync(1000, turns, floods);
    }

    [NeedsFact("root", "systemd-nspawn", "debootstrap")]
    public async Task Three_hundred_flows_passed_through_by_name_live_through_three_restarts()
    {
        const string Host = "app.example.com";
        await ServeAsync(new
        {
            backends = new { one = new { address = "127.0.0.1", health = new { kind = "tcp", port = 7, interval = "1s" } } },
            pools = new { echo = new { backends = new[] { "one" } }, other = new { backends = new[] { "one" } } },
            listeners = new
            {
                secure = new
                {
                    bind = new[] { "127.0.0.1:443" },
                    protocol = "tls",
                    pool = "other",
                    port = 9,
                    hold = "60s",
                    routes = new[] { new { host = Host, pool = "echo", port = 7 } },
                },
            },
        }, Host);
        var turns = await _sentinel.StartAsync("flows", "127.0.0.1:443", "290", "100", Host);
        var floods = await _sentinel.StartAsync("flows", "127.0.0.1:443", "10", "0", Host);

        for (var i = 0; i < 3; i++)
        {
            await RestartAsync();
        }

        await AllWellAsync(300, turns, floods);
    }

    [NeedsFact("root", "systemd-nspawn", "debootstrap")]
    public async Task A_stop_for_good_drains_and_keeps_nothing()
    {
        await ServeAsync("auto");
        var turns = await _sentinel.StartAsync("flows", "127.0.0.1:22", "1", "50");

        var stopping = _sentinel.SystemctlAsync("stop");
        await Eventually.TrueAsync(async () => await _sentinel.Container.PropertyAsync("ActiveState") == "deactivating");
        var refused = await _sentinel.StartAsync("knock", "127.0.0.1:22");
        await Eventually.TrueAsync(async () => (await _sentinel.LogAsync()).Any(line => (string?)line.Line["event"] == "daemon.stopping"));
        var result = await turns.FinishAsync();
        await stopping;

        Assert.True((string?)result["faults"] == "", $"{result} {await _sentinel.Container.TextAsync()}");
        Assert.Contains("ConnectionRefused", (string?)(await refused.FinishAsync())["faults"], StringComparison.Ordinal);
        Assert.Equal("success", await _sentinel.Container.PropertyAsync("Result"));
        Assert.Equal("0", await _sentinel.Container.PropertyAsync("NFileDescriptorStore"));
        Assert.DoesNotContain(await _sentinel.LogAsync(), line => ((string?)line.Line["event"])!.StartsWith("handover.", StringComparison.Ordinal));
    }

    private Task ServeAsync(string engine) => ServeAsync(InstalledSentinel.Relay(engine));

    /// <param name="host">By which the backend is asked for in TLS; null: without TLS.</param>
    private async Task ServeAsync(object configuration, string? host = null)
    {
        _sentinel = await InstalledSentinel.ServingAsync(configuration);
        await _sentinel.StartAsync(["echo", "127.0.0.1:7", .. host is null ? Array.Empty<string>() : [host]]);
        await _sentinel.UntilAsync("one", "serving");
    }

    private async Task RestartAsync()
    {
        var before = await _sentinel.Container.MainProcessAsync();
        await _sentinel.SystemctlAsync("restart");
        Assert.NotEqual(before, await _sentinel.Container.MainProcessAsync());
        await _sentinel.UntilAsync("one", "serving");
    }

    private async Task AllWellAsync(int connections, params Traffic[] traffic)
    {
        var active = (int)(await _sentinel.StatusAsync())!["listeners"]![0]!["connections"]!;
        foreach (var flows in traffic)
        {
            var result = await flows.FinishAsync();
            output.WriteLine(result.ToJsonString());
            Assert.True((string?)result["faults"] == "", $"{result} {await _sentinel.Container.TextAsync()}");
        }

        Assert.Equal(connections, active);
        var log = (await _sentinel.LogAsync()).Select(line => line.Line).ToArray();
        Assert.DoesNotContain(log, line => (string?)line["event"] == "handover.unasked");
        var ends = log.Where(line => (string?)line["event"] == "listener.connection.ended");
        Assert.All(ends, (JsonNode end) => Assert.Contains("completed", end.ToJsonString(), StringComparison.Ordinal));
    }
}
