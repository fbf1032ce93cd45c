using System.Net;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>Requests that wait for a backend.</summary>
public sealed class HoldTests
{
    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task A_request_waits_for_its_pool_and_is_served_with_its_body(string version)
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Request.Body.CopyToAsync(context.Response.Body));
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { Hold = TimeSpan.FromMinutes(1) });
        stage.Report(0, healthy: false);
        using var client = stage.Client(new(version));

        var asking = client.PostAsync("/", new StringContent("the body"));
        await Eventually.TrueAsync(() => stage.Status.Held == 1);
        stage.Report(0, healthy: true);

        using var answer = await asking;
        Assert.Equal("the body", await answer.Content.ReadAsStringAsync());
        Assert.Equal(0, stage.Status.Held);
    }

    [Fact]
    public async Task A_request_waits_for_a_backend_that_counts_as_healthy_and_cannot_be_reached()
    {
        var endPoint = new IPEndPoint(Loopback.Next(), Loopback.FreePort());
        await using var stage = await HttpStage.StartAsync([endPoint], settings => settings with { Hold = TimeSpan.FromMinutes(1) });
        using var client = stage.Client();

        var asking = client.PostAsync("/", new StringContent("the body"));
        await Eventually.TrueAsync(() => stage.Status.Held == 1);
        await using var backend = await HttpBackend.StartAsync(context => context.Request.Body.CopyToAsync(context.Response.Body), endPoint: endPoint);

        using var answer = await asking;
        Assert.Equal("the body", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task The_one_too_many_is_answered_at_once_and_the_rest_when_their_time_is_over()
    {
        await using var stage = await HttpStage.StartAsync(
            [new(Loopback.Next(), 1)], settings => settings with { Hold = TimeSpan.FromSeconds(1), HoldLimit = 2 });
        stage.Report(0, healthy: false);
        using var client = stage.Client();
        var waiting = new[] { client.GetAsync("/"), client.GetAsync("/") };
        await Eventually.TrueAsync(() => stage.Status.Held == 2);

        using var refused = await client.GetAsync("/");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.All(await Task.WhenAll(waiting), answer => Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode));
    }

    [Fact]
    public async Task A_client_that_leaves_gives_up_its_place()
    {
        await using var stage = await HttpStage.StartAsync([new(Loopback.Next(), 1)], settings => settings with { Hold = TimeSpan.FromMinutes(1) });
        stage.Report(0, healthy: false);
        using (var client = await RawClient.ConnectAsync(stage.EndPoint))
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            await Eventually.TrueAsync(() => stage.Status.Held == 1);
        }

        await Eventually.TrueAsync(() => stage.Status.Held == 0 && stage.Logs.Ends.Count == 1);
        Assert.Equal("client_left", stage.Logs.Ends[0]["End"]);
    }

    [Fact]
    public async Task Time_spent_waiting_is_not_idle()
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(
            backend, settings => settings with { Hold = TimeSpan.FromMinutes(1), IdleTimeout = TimeSpan.FromMilliseconds(100) });
        stage.Report(0, healthy: false);
        using var client = stage.Client();
        var asking = client.GetAsync("/");
        await Eventually.TrueAsync(() => stage.Status.Held == 1);

        // one that is idle is ended meanwhile
        using var idle = await RawClient.ConnectAsync(stage.EndPoint);
        await idle.SendAsync("G");
        await idle.HowItEndsAsync();
        stage.Report(0, healthy: true);

        Assert.Equal(HttpStatusCode.OK, (await asking).StatusCode);
    }
}
