using Microsoft.AspNetCore.Http;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>What a stop, and what a change of the configuration, does to connections.</summary>
public sealed class ReloadTests
{
    [Fact]
    public async Task A_stop_lets_a_request_finish_and_its_client_go()
    {
        using var goOn = new SemaphoreSlim(0);
        await using var backend = await HttpBackend.StartAsync(async context =>
        {
            await goOn.WaitAsync(context.RequestAborted);
            await context.Response.WriteAsync("done");
        });
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { HeaderTimeout = TimeSpan.FromSeconds(3) });
        using var busy = await RawClient.ConnectAsync(stage.EndPoint);
        using var silent = await RawClient.ConnectAsync(stage.EndPoint);
        await busy.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        await Eventually.TrueAsync(() => stage.Load(0).Connections == 1 && stage.Status.Connections == 2);

        var stopping = stage.Forwarder.StopAsync(CancellationToken.None);
        Assert.Equal("end", await silent.HowItEndsAsync());
        Assert.False(stopping.IsCompleted);
        goOn.Release();

        Assert.Contains("Connection: close", await busy.ReadHeadAsync(), StringComparison.Ordinal);
        Assert.Equal("done", await busy.ReadChunkAsync());
        Assert.Equal("", await busy.ReadChunkAsync());
        Assert.Equal("end", await busy.HowItEndsAsync());
        await stopping;
        Assert.Equal(["completed", "idle"], stage.Logs.Ends.Select(end => (string)end["End"]!).Order());
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task Who_came_just_before_a_stop_and_asks_after_it_is_answered_and_told_to_go(bool tls, bool isHttp1Only)
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Response.WriteAsync("served"));
        await using var stage = await HttpStage.StartAsync(
            [backend.EndPoint], settings => settings with { Http2 = !isHttp1Only }, certificates: tls ? new("h") : null);
        await using var client = tls ? await stage.ConnectTlsAsync("h") : (Stream)await stage.ConnectAsync();
        await using var idle = tls ? await stage.ConnectTlsAsync("h") : (Stream)await stage.ConnectAsync();
        await idle.WriteAsync("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"u8.ToArray());
        using var told = new StreamReader(idle);
        while (await told.ReadLineAsync() is { Length: > 0 })
        {
        }

        await Eventually.TrueAsync(() => stage.Status.Connections == 2);
        var stopping = stage.Forwarder.StopAsync(CancellationToken.None);

        // Who has been served and asks nothing goes at once.
        Assert.Null(await told.ReadLineAsync());
        Assert.False(stopping.IsCompleted);
        await client.WriteAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n"u8.ToArray());

        var answer = await new StreamReader(client).ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.Contains("Connection: close", answer, StringComparison.Ordinal);
        Assert.Contains("served", answer, StringComparison.Ordinal);
        await stopping;
        Assert.All(stage.Logs.Ends, end => Assert.Equal("completed", end["End"]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_came_just_before_a_stop_and_asks_nothing_is_let_go_when_his_time_is_over(bool tls)
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Response.WriteAsync("served"));
        await using var stage = await HttpStage.StartAsync(
            [backend.EndPoint], settings => settings with { Http2 = false, HeaderTimeout = TimeSpan.FromSeconds(1) }, certificates: tls ? new("h") : null);
        await using var client = tls ? await stage.ConnectTlsAsync("h") : (Stream)await stage.ConnectAsync();
        await Eventually.TrueAsync(() => stage.Status.Connections == 1);

        var stopping = stage.Forwarder.StopAsync(CancellationToken.None);

        Assert.Equal(0, await client.ReadAsync(new byte[1]));
        await stopping;
    }

    [Fact]
    public async Task A_stop_tells_http2_clients_to_go_and_waits_for_their_requests()
    {
        using var goOn = new SemaphoreSlim(0);
        await using var backend = await HttpBackend.StartAsync(async context =>
        {
            await goOn.WaitAsync(context.RequestAborted);
            await context.Response.WriteAsync("done");
        });
        await using var stage = await HttpStage.StartAsync(backend);
        await using var client = new RawHttp2Client(await stage.ConnectAsync());
        await client.BeginAsync();
        await client.SendFieldsAsync(isLast: true, (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "h"));
        await Eventually.TrueAsync(() => stage.Load(0).Connections == 1);

        var stopping = stage.Forwarder.StopAsync(CancellationToken.None);
        Assert.Equal(RawHttp2Client.GoAway, await client.ReadAnswerAsync());
        Assert.False(stopping.IsCompleted);
        goOn.Release();

        Assert.Equal(RawHttp2Client.Status200, await client.ReadAnswerAsync());
        await stopping;
        Assert.Equal("completed", stage.Logs.Ends.Single()["End"]);
    }

    [Fact]
    public async Task What_outlasts_the_drain_is_cut_and_called_stopped()
    {
        await using var backend = await HttpBackend.StartAsync(context =>
            Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default));
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { Drain = TimeSpan.FromMilliseconds(200) });
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        await Eventually.TrueAsync(() => stage.Load(0).Connections == 1);

        await stage.Forwarder.StopAsync(CancellationToken.None);

        Assert.Equal("reset", await client.HowItEndsAsync());
        Assert.Equal("stopped", stage.Logs.Ends.Single()["End"]);
        await Eventually.TrueAsync(() => stage.Load(0).Connections == 0);
    }

    [Fact]
    public async Task An_open_connection_lives_through_a_reload_and_its_next_request_goes_by_the_new_routes()
    {
        await using var first = await HttpBackend.StartAsync(context => context.Response.WriteAsync("first"));
        await using var second = await HttpBackend.StartAsync(context => context.Response.WriteAsync("second"), endPoint: new(Loopback.Next(), first.EndPoint.Port));
        PoolDefinition[] pools =
        [
            new() { Id = HttpStage.Web, Backends = [HttpStage.Backend(0)] },
            new() { Id = new("api"), Backends = [HttpStage.Backend(1)] },
        ];
        await using var stage = await HttpStage.StartAsync([first.EndPoint, second.EndPoint], pools: pools);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        await AskAsync("/api/x", "first");

        Assert.Empty(await stage.ReloadAsync(stage.Settings with
        {
            Routes = [new() { Path = "/api", Pool = new("api"), Port = second.EndPoint.Port }],
            HeaderTimeout = TimeSpan.FromSeconds(7),
        }));
        await AskAsync("/api/x", "second");
        await AskAsync("/apis", "first");

        Assert.Empty(await stage.ReloadAsync(stage.Settings with { Routes = [new RouteSettings { Host = "*.lab.example", Pool = new("api"), Port = second.EndPoint.Port }] }));
        await AskAsync("/api/x", "first");
        await AskAsync("/", "second", "A.Lab.Example:80");
        Assert.Equal(1, stage.Status.Accepted);

        async Task AskAsync(string path, string expected, string host = "h")
        {
            await client.SendAsync($"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            await client.ReadHeadAsync();
            Assert.Equal(expected, await client.ReadChunkAsync());
            Assert.Equal("", await client.ReadChunkAsync());
        }
    }

    [Fact]
    public async Task A_listener_that_goes_away_takes_only_its_own_connections()
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend);
        var other = stage.Settings with { Name = "other", Bind = [new(new(Loopback.Next(), stage.EndPoint.Port), null)] };
        using (var change = await stage.Forwarder.PrepareAsync([stage.Settings, other]))
        {
            change.Commit();
        }

        using var stays = await RawClient.ConnectAsync(stage.EndPoint);
        using var goes = await RawClient.ConnectAsync(other.Bind[0].EndPoint!);
        foreach (var client in new[] { stays, goes })
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            await client.ReadHeadAsync();
            await client.ReadChunkAsync();
            await client.ReadChunkAsync();
        }

        Assert.Empty(await stage.ReloadAsync(stage.Settings));

        Assert.Equal("end", await goes.HowItEndsAsync());
        await stays.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", await stays.ReadHeadAsync(), StringComparison.Ordinal);
    }
}
