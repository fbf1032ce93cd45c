using System.Collections.Concurrent;
using System.Net;
using Sentinel.Backends;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>What is sent once, what twice, what elsewhere.</summary>
public sealed class RetryTests
{
    [Theory]
    [InlineData("GET", null)]
    [InlineData("POST", "a body that nobody has read yet")]
    [InlineData("POST", null)]
    [InlineData("PATCH", "a body that nobody has read yet")]
    [InlineData("PUT", "a body that nobody has read yet")]
    [InlineData("DELETE", null)]
    [InlineData("BREW", null)]
    public async Task A_request_that_reached_nobody_goes_to_the_next(string method, string? body)
    {
        using var second = new ScriptedBackend(Answering);
        await using var stage = await HttpStage.StartAsync([new(Loopback.Next(), second.EndPoint.Port), second.EndPoint]);
        var failed = new ConcurrentBag<BackendId>();
        stage.Pools.DialFailed += failed.Add;
        using var client = stage.Client();

        using var answer = await client.SendAsync(Request(method, body));

        Assert.Equal("served", await answer.Content.ReadAsStringAsync());
        Assert.Equal([HttpStage.Backend(0)], failed);
        Assert.Single(second.Requests);
        Assert.Equal(0, stage.Load(0).Connections);
    }

    [Theory]
    [InlineData("GET", null, true, true)]
    [InlineData("GET", null, false, true)]
    [InlineData("GET", null, true, false)]
    [InlineData("POST", "a body that nobody has read yet", true, true)]
    [InlineData("POST", "a body that nobody has read yet", false, true)]
    [InlineData("POST", "a body that nobody has read yet", false, false)]
    [InlineData("BREW", null, false, true)]
    public async Task A_request_whose_backend_goes_down_before_it_is_reached_goes_to_the_next_or_waits(string method, string? body, bool hasNext, bool closesOnDown)
    {
        var address = Loopback.Next();
        using var dying = new DeafBackend(address);
        using var next = new ScriptedBackend(Answering, new(Loopback.Next(), dying.Port));
        await using var stage = await HttpStage.StartAsync(
            [new(address, dying.Port), next.EndPoint],
            settings => settings with { ConnectTimeout = TimeSpan.FromHours(1), Hold = TimeSpan.FromMinutes(1), CloseOnDown = closesOnDown });
        stage.Report(1, hasNext);
        using var client = stage.Client();

        var asking = client.SendAsync(Request(method, body));
        await Eventually.TrueAsync(() => stage.Load(0).Connections == 1);
        stage.Report(0, healthy: false);
        if (!hasNext)
        {
            await Eventually.TrueAsync(() => stage.Status.Held == 1);
            stage.Report(1, healthy: true);
        }

        using var answer = await asking;
        Assert.Equal("served", await answer.Content.ReadAsStringAsync());
        Assert.Single(next.Requests);
        Assert.DoesNotContain(stage.Logs.Lines, line => line.Event is "request.failed" or "request.resent");
    }

    [Theory]
    [InlineData("GET", true)]
    [InlineData("GET", false)]
    [InlineData("HEAD", true)]
    [InlineData("OPTIONS", true)]
    [InlineData("TRACE", true)]
    [InlineData("PUT", true)]
    [InlineData("PUT", false)]
    [InlineData("DELETE", true)]
    [InlineData("DELETE", false)]
    public async Task An_idempotent_request_that_was_left_without_an_answer_is_sent_once_more(string method, bool reset)
    {
        var left = 1;
        using var backend = new ScriptedBackend(peer => Interlocked.Decrement(ref left) >= 0 ? LeaveAsync(peer, reset) : Answering(peer));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = stage.Client();

        using var answer = await client.SendAsync(Request(method, body: null));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(2, backend.Requests.Count);
        Assert.All(backend.Requests, request => Assert.StartsWith($"{method} / HTTP/1.1", request, StringComparison.Ordinal));
        Assert.Single(stage.Logs.Lines, line => line.Event == "request.resent");
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("DELETE")]
    public async Task An_idempotent_request_that_its_dying_backend_left_goes_to_the_next_or_waits(string method)
    {
        ScriptedBackend? dying = null;
        using var first = dying = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            dying!.Kill();
        });
        using var second = new ScriptedBackend(Answering, new(Loopback.Next(), first.EndPoint.Port));
        await using var stage = await HttpStage.StartAsync([first.EndPoint, second.EndPoint], settings => settings with { Hold = TimeSpan.FromMinutes(1) });
        stage.Report(1, healthy: false);
        using var client = stage.Client();

        var asking = client.SendAsync(Request(method, body: null));
        await Eventually.TrueAsync(() => stage.Status.Held == 1);
        stage.Report(0, healthy: false);
        stage.Report(1, healthy: true);

        using var answer = await asking;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Single(first.Requests);
        Assert.Single(second.Requests);
    }

    [Fact]
    public async Task A_get_that_a_dying_backend_left_twice_waits_until_it_is_back()
    {
        var left = 2;
        using var backend = new ScriptedBackend(peer => Interlocked.Decrement(ref left) >= 0 ? LeaveAsync(peer, reset: true) : Answering(peer));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], settings => settings with { Hold = TimeSpan.FromMinutes(1) });
        using var client = stage.Client();

        var asking = client.GetAsync("/");
        await Eventually.TrueAsync(() => stage.Status.Held == 1);
        stage.Report(0, healthy: false);
        stage.Report(0, healthy: true);

        using var answer = await asking;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(3, backend.Requests.Count);
    }

    [Theory]
    [InlineData("GET", false)]
    [InlineData("GET", true)]
    [InlineData("DELETE", false)]
    [InlineData("DELETE", true)]
    public async Task What_a_backend_left_on_a_new_connection_goes_to_another(string method, bool isKept)
    {
        using var first = new ScriptedBackend(async peer =>
        {
            if (await peer.ReadHeadAsync() is { } head && head.Contains("/kept", StringComparison.Ordinal))
            {
                await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                await peer.ReadHeadAsync();
            }

            peer.Reset();
        });
        using var second = new ScriptedBackend(Answering, new(Loopback.Next(), first.EndPoint.Port));
        await using var stage = await HttpStage.StartAsync([first.EndPoint, second.EndPoint]);
        using var client = stage.Client();
        if (isKept)
        {
            (await client.SendAsync(Request(method, body: null, "/kept"))).Dispose();
        }

        using var answer = await client.SendAsync(Request(method, body: null));

        // A kept connection that its backend closes says nothing against it: another one to the same comes first.
        Assert.Equal("served", await answer.Content.ReadAsStringAsync());
        Assert.Equal(isKept ? 3 : 1, first.Requests.Count);
        Assert.Single(second.Requests);
    }

    [Fact]
    public async Task What_two_backends_left_is_a_bad_gateway_and_no_third_is_asked()
    {
        using var first = new ScriptedBackend(peer => LeaveAsync(peer, reset: true));
        using var second = new ScriptedBackend(peer => LeaveAsync(peer, reset: true), new(Loopback.Next(), first.EndPoint.Port));
        using var third = new ScriptedBackend(Answering, new(Loopback.Next(), first.EndPoint.Port));
        await using var stage = await HttpStage.StartAsync([first.EndPoint, second.EndPoint, third.EndPoint]);
        using var client = stage.Client();

        Assert.Equal(HttpStatusCode.BadGateway, (await client.GetAsync("/")).StatusCode);

        Assert.Equal([1, 1, 0], [first.Requests.Count, second.Requests.Count, third.Requests.Count]);
    }

    [Fact]
    public async Task A_get_that_is_left_without_an_answer_twice_is_a_bad_gateway()
    {
        using var backend = new ScriptedBackend(peer => LeaveAsync(peer, reset: true));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = stage.Client();

        Assert.Equal(HttpStatusCode.BadGateway, (await client.GetAsync("/")).StatusCode);

        Assert.Equal(2, backend.Requests.Count);
    }

    [Theory]
    [InlineData("POST", "body", true)]
    [InlineData("POST", "body", false)]
    [InlineData("POST", null, true)]
    [InlineData("POST", null, false)]
    [InlineData("PUT", "body", false)]
    [InlineData("PATCH", null, false)]
    [InlineData("BREW", null, true)]
    [InlineData("DELETE", "body", true)]
    [InlineData("GET", "body", false)]
    public async Task A_request_that_may_have_been_carried_out_is_never_sent_again(string method, string? body, bool reset)
    {
        using var backend = new ScriptedBackend(peer => LeaveAsync(peer, reset));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = stage.Client();

        using var answer = await client.SendAsync(Request(method, body));

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.MediaType);
        Assert.Single(backend.Requests);
    }

    /// <summary>Methods are case-sensitive (RFC 9110 §9.1): what this one means, only its backend knows.</summary>
    [Fact]
    public async Task A_method_that_only_looks_idempotent_is_never_sent_again()
    {
        using var backend = new ScriptedBackend(peer => LeaveAsync(peer, reset: true));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync("put / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 502 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
        Assert.StartsWith("put / HTTP/1.1", Assert.Single(backend.Requests), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_kept_connection_that_the_backend_closed_meanwhile_costs_nobody_a_request()
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nserved");
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = stage.Client();

        for (var i = 0; i < 20; i++)
        {
            using var answer = await client.SendAsync(Request(i % 2 == 0 ? "GET" : "POST", i % 2 == 0 ? null : "body"));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            var closed = i + 1;
            await Eventually.TrueAsync(() => backend.Closed == closed);
        }

        Assert.Equal(20, backend.Requests.Count);
    }

    [Fact]
    public async Task After_an_outage_no_connection_of_the_old_vm_is_used()
    {
        // The first VM answers once and then says nothing more, as one that vanished.
        var vm = 0;
        using var backend = new ScriptedBackend(async peer =>
        {
            if (Interlocked.Increment(ref vm) > 1)
            {
                await Answering(peer);
                return;
            }

            await peer.ReadHeadAsync();
            await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nserved");
            await peer.ReadHeadAsync();
            await peer.ReadHeadAsync();
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = stage.Client();
        Assert.Equal("served", await client.GetStringAsync("/"));

        stage.Report(0, healthy: false);
        stage.Report(0, healthy: true);

        Assert.Equal("served", await client.GetStringAsync("/"));
        using var posted = await client.SendAsync(Request("POST", "body"));
        Assert.Equal(HttpStatusCode.OK, posted.StatusCode);
        Assert.Equal(2, backend.Connections);
    }

    [Fact]
    public async Task Killing_the_active_backend_under_steady_requests_loses_no_get_and_repeats_no_post()
    {
        using var first = new ScriptedBackend(Answering);
        using var second = new ScriptedBackend(Answering, new(Loopback.Next(), first.EndPoint.Port));
        await using var stage = await HttpStage.StartAsync([first.EndPoint, second.EndPoint]);
        using var client = stage.Client();
        var statuses = new ConcurrentBag<(string Id, HttpStatusCode Status)>();
        var done = 0;
        var clients = Enumerable.Range(0, 20).Select(c => Task.Run(async () =>
        {
            for (var i = 0; i < 100; i++)
            {
                var id = $"/{(i % 2 == 0 ? "get" : "post")}-{c}-{i}";
                using var answer = await client.SendAsync(Request(i % 2 == 0 ? "GET" : "POST", i % 2 == 0 ? null : "body", id));
                statuses.Add((id, answer.StatusCode));
                Interlocked.Increment(ref done);
            }
        })).ToArray();
        await Eventually.TrueAsync(() => Volatile.Read(ref done) > 500);

        first.Kill();
        await Eventually.TrueAsync(() => Volatile.Read(ref done) > 1000);
        stage.Report(0, healthy: false);
        await Task.WhenAll(clients);

        Assert.Equal(2000, statuses.Count);
        Assert.All(statuses.Where(answer => answer.Id.StartsWith("/get", StringComparison.Ordinal)), answer => Assert.Equal(HttpStatusCode.OK, answer.Status));

        // At most what was under way on each connection when the VM died, which closes them one after the other as a process does.
        Assert.InRange(statuses.Count(answer => answer.Status != HttpStatusCode.OK), 0, first.Connections);
        var posts = first.Requests.Concat(second.Requests).Where(head => head.StartsWith("POST", StringComparison.Ordinal)).Select(head => head.Split(' ')[1]);
        Assert.Equal(posts.Distinct().Count(), posts.Count());
    }

    private static HttpRequestMessage Request(string method, string? body, string path = "/") =>
        new(new(method), path) { Content = body is null ? null : new StringContent(body) };

    private static async Task LeaveAsync(ScriptedBackend.Peer peer, bool reset)
    {
        var head = await peer.ReadHeadAsync();
        if (head?.Contains("Content-Length: 4", StringComparison.Ordinal) == true)
        {
            await peer.ReadBodyAsync(4);
        }

        if (reset)
        {
            peer.Reset();
        }
    }

    private static async Task Answering(ScriptedBackend.Peer peer)
    {
        while (await peer.ReadHeadAsync() is { } head)
        {
            var length = head.Split("Content-Length: ");
            if (length.Length > 1)
            {
                await peer.ReadBodyAsync(int.Parse(length[1].Split('\r')[0], System.Globalization.CultureInfo.InvariantCulture));
            }

            await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nserved");
        }
    }
}
