using Microsoft.AspNetCore.Http;
using Sentinel.Backends;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>Requests that are under way when their backend is declared down.</summary>
public sealed class DownTests
{
    private const string Head = "Content-Length: 6\r\n\r\nserved";

    [Fact]
    public async Task A_get_without_an_answer_yet_is_answered_by_who_takes_over()
    {
        using var first = new ScriptedBackend(Silent);
        using var second = new ScriptedBackend(Serving, new(Loopback.Next(), first.EndPoint.Port));
        await using var stage = await HttpStage.StartAsync([first.EndPoint, second.EndPoint]);
        using var client = stage.Client();
        var asking = client.GetStringAsync("/");
        await Eventually.TrueAsync(() => first.Requests.Count == 1);

        stage.Report(0, healthy: false);

        Assert.Equal("served", await asking);
        await Eventually.TrueAsync(() => first.Closed == 1);
    }

    [Fact]
    public async Task A_post_without_an_answer_yet_ends_with_a_bad_gateway_and_its_connection_goes_on()
    {
        using var first = new ScriptedBackend(Silent);
        using var second = new ScriptedBackend(Serving, new(Loopback.Next(), first.EndPoint.Port));
        await using var stage = await HttpStage.StartAsync([first.EndPoint, second.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        await client.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
        await Eventually.TrueAsync(() => first.Requests.Count == 1);

        stage.Report(0, healthy: false);

        var (head, body) = await client.ReadAnswerAsync();
        Assert.StartsWith("HTTP/1.1 502 ", head, StringComparison.Ordinal);
        Assert.Contains("may or may not have been carried out", body, StringComparison.Ordinal);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        Assert.Equal("served", (await client.ReadAnswerAsync()).Body);
        Assert.DoesNotContain(second.Requests, request => request.StartsWith("POST", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true, "reset")]
    [InlineData(false, "end")]
    public async Task An_answer_under_way_is_cut_if_the_listener_closes_on_down(bool closes, string how)
    {
        using var goOn = new SemaphoreSlim(0);
        await using var backend = await HttpBackend.StartAsync(InTwoParts(goOn));
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { CloseOnDown = closes });
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        await client.ReadHeadAsync();
        Assert.Equal("first", await client.ReadChunkAsync());

        stage.Report(0, healthy: false);
        if (!closes)
        {
            goOn.Release();
            Assert.Equal("last", await client.ReadChunkAsync());
        }

        Assert.Equal(how, await client.HowItEndsAsync());
        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
        Assert.Equal(closes ? "backend_down" : "completed", stage.Logs.Ends[0]["End"]);
        Assert.Equal(0, stage.Load(0).Connections);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_reload_that_gives_it_another_address_ends_nothing_that_is_under_way_until_it_goes_down(bool goesDown)
    {
        using var goOn = new SemaphoreSlim(0);
        await using var old = await HttpBackend.StartAsync(InTwoParts(goOn));
        await using var moved = await HttpBackend.StartAsync(context => context.Response.WriteAsync("moved"), endPoint: new(Loopback.Next(), old.EndPoint.Port));
        await using var stage = await HttpStage.StartAsync(old);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        await client.ReadHeadAsync();
        Assert.Equal("first", await client.ReadChunkAsync());

        stage.Move(moved.EndPoint.Address);
        using var newcomer = stage.Client();
        Assert.Equal("moved", await newcomer.GetStringAsync("/"));
        if (goesDown)
        {
            stage.Report(0, healthy: false);
        }
        else
        {
            goOn.Release();
            Assert.Equal("last", await client.ReadChunkAsync());
        }

        Assert.Equal(goesDown ? "reset" : "end", await client.HowItEndsAsync());
    }

    [Theory]
    [InlineData(BackendState.Noticed)]
    [InlineData(BackendState.Draining)]
    [InlineData(BackendState.Stopping)]
    public async Task A_backend_that_is_about_to_go_finishes_what_it_has_and_gets_nothing_new(BackendState state)
    {
        using var goOn = new SemaphoreSlim(0);
        await using var first = await HttpBackend.StartAsync(async context =>
        {
            await goOn.WaitAsync(context.RequestAborted);
            await context.Response.WriteAsync("first");
        });
        await using var second = await HttpBackend.StartAsync(context => context.Response.WriteAsync("second"), endPoint: new(Loopback.Next(), first.EndPoint.Port));
        await using var stage = await HttpStage.StartAsync([first.EndPoint, second.EndPoint]);
        using var client = stage.Client();
        var asking = client.GetStringAsync("/");
        await Eventually.TrueAsync(() => stage.Load(0).Connections == 1);

        stage.Report(0, healthy: true, state);

        Assert.Equal("second", await client.GetStringAsync("/"));
        goOn.Release();
        Assert.Equal("first", await asking);
    }

    [Theory]
    [InlineData("GET", BackendState.Noticed)]
    [InlineData("GET", BackendState.Draining)]
    [InlineData("OPTIONS", BackendState.Draining)]
    [InlineData("OPTIONS", BackendState.Stopping)]
    public async Task Its_clients_are_told_to_come_anew(string method, BackendState state)
    {
        using var goOn = new SemaphoreSlim(0);
        using var came = new SemaphoreSlim(0);
        await using var backend = await HttpBackend.StartAsync(async context =>
        {
            came.Release();
            await goOn.WaitAsync(context.RequestAborted);
            context.Response.ContentLength = 6;
            await context.Response.WriteAsync("served");
        });
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        foreach (var isLast in new[] { false, true })
        {
            await client.SendAsync($"{method} / HTTP/1.1\r\nHost: h\r\n\r\n");
            Assert.True(await came.WaitAsync(Eventually.Patience));
            if (isLast)
            {
                stage.Report(0, healthy: true, state);
            }

            goOn.Release();
            var (head, body) = await client.ReadAnswerAsync();
            Assert.Equal("served", body);
            Assert.Equal(isLast, head.Contains("Connection: close", StringComparison.Ordinal));
        }

        Assert.Equal("end", await client.HowItEndsAsync());
    }

    [Fact]
    public async Task Its_clients_of_HTTP2_are_told_to_come_anew()
    {
        using var goOn = new SemaphoreSlim(0);
        using var came = new SemaphoreSlim(0);
        await using var backend = await HttpBackend.StartAsync(async context =>
        {
            came.Release();
            await goOn.WaitAsync(context.RequestAborted);
            await context.Response.WriteAsync("served");
        });
        await using var stage = await HttpStage.StartAsync(backend);
        await using var client = new RawHttp2Client(await stage.ConnectAsync());
        await client.BeginAsync();
        await client.SendFieldsAsync(isLast: true, (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "h"));
        Assert.True(await came.WaitAsync(Eventually.Patience));
        stage.Report(0, healthy: true, BackendState.Draining);
        goOn.Release();

        // GOAWAY and the answer, whichever comes first, and the end
        var seen = new List<byte>();
        while (seen.Count < 3)
        {
            seen.Add(await client.ReadAnswerAsync());
        }

        Assert.True(client.WasToldToGo);
        Assert.Contains(RawHttp2Client.Status200, seen);
        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
        Assert.Equal("completed", stage.Logs.Ends[0]["End"]);
    }

    private static RequestDelegate InTwoParts(SemaphoreSlim goOn) => async context =>
    {
        await context.Response.WriteAsync("first");
        await context.Response.Body.FlushAsync();
        await goOn.WaitAsync(context.RequestAborted);
        await context.Response.WriteAsync("last");
    };

    private static async Task Silent(ScriptedBackend.Peer peer)
    {
        while (await peer.ReadHeadAsync() is not null)
        {
        }
    }

    private static async Task Serving(ScriptedBackend.Peer peer)
    {
        while (await peer.ReadHeadAsync() is not null)
        {
            await peer.SendAsync("HTTP/1.1 200 OK\r\n" + Head);
        }
    }
}
