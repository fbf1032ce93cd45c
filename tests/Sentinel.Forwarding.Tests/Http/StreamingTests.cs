using System.Net;
using Microsoft.AspNetCore.Http;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>Bodies: nothing is kept that can be passed on.</summary>
public sealed class StreamingTests
{
    [Fact]
    public async Task Events_arrive_one_by_one_as_they_are_sent()
    {
        using var next = new SemaphoreSlim(0);
        await using var backend = await HttpBackend.StartAsync(async context =>
        {
            context.Response.ContentType = "text/event-stream";
            for (var i = 0; i < 3; i++)
            {
                await context.Response.WriteAsync($"data: {i}\n\n");
                await context.Response.Body.FlushAsync();
                await next.WaitAsync(context.RequestAborted);
            }
        });
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal($"data: {i}\n\n", await client.ReadChunkAsync());
            next.Release();
        }

        Assert.Equal("", await client.ReadChunkAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_streams_both_ways_at_once(bool http2)
    {
        // the backend answers each piece before it sees the next
        await using var backend = await HttpBackend.StartAsync(async context =>
        {
            var buffer = new byte[64];
            int n;
            while ((n = await context.Request.Body.ReadAsync(buffer)) > 0)
            {
                await context.Response.Body.WriteAsync(buffer.AsMemory(0, n));
                await context.Response.Body.FlushAsync();
            }
        });
        await using var stage = await HttpStage.StartAsync(backend);
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);

        if (http2)
        {
            await PingPongAsync(stage, deadline.Token);
            return;
        }

        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        await client.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        await client.SendChunkAsync("one");
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
        Assert.Equal("one", await client.ReadChunkAsync());
        await client.SendChunkAsync("two");
        Assert.Equal("two", await client.ReadChunkAsync());
        await client.SendAsync("0\r\n\r\n");
        Assert.Equal("", await client.ReadChunkAsync());
    }

    [Fact]
    public async Task An_answer_that_comes_before_the_body_is_whole_is_passed_on()
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync("HTTP/1.1 413 Too Much\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!");
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nonly the beginning");
        var (head, body) = await client.ReadAnswerAsync();

        Assert.StartsWith("HTTP/1.1 413 Too Much\n", head, StringComparison.Ordinal);
        Assert.Equal("no!", body);
    }

    [Fact]
    public async Task A_client_that_waits_for_100_continue_sends_its_body_when_the_backend_wants_it()
    {
        await using var backend = await HttpBackend.StartAsync(async context =>
        {
            if (context.Request.Path == "/no")
            {
                context.Response.StatusCode = 403;
                return;
            }

            await context.Request.Body.CopyToAsync(context.Response.Body);
        });
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync("POST /yes HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
        Assert.Equal("HTTP/1.1 100 Continue\n", await client.ReadHeadAsync());
        await client.SendAsync("body");
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
        Assert.Equal("body", await client.ReadChunkAsync());
        Assert.Equal("", await client.ReadChunkAsync());

        await client.SendAsync("POST /no HTTP/1.1\r\nHost: h\r\nContent-Length: 4000\r\nExpect: 100-continue\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 403 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nonly this")]
    [InlineData("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n64\r\nonly this")]
    public async Task A_request_cut_in_the_middle_is_never_whole_for_the_backend(string beginning)
    {
        var came = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var outcome = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var backend = await HttpBackend.StartAsync(async context =>
        {
            came.SetResult();
            try
            {
                using var body = new MemoryStream();
                await context.Request.Body.CopyToAsync(body);
                outcome.SetResult("whole");
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                outcome.SetResult("cut");
            }
        });
        await using var stage = await HttpStage.StartAsync(backend);
        using (var client = await RawClient.ConnectAsync(stage.EndPoint))
        {
            await client.SendAsync(beginning);
            await came.Task.WaitAsync(Eventually.Patience, TimeProvider.System);
        }

        Assert.Equal("cut", await outcome.Task.WaitAsync(Eventually.Patience, TimeProvider.System));
        await Eventually.TrueAsync(() => stage.Status.Connections == 0 && stage.Load(0).Connections == 0);
        Assert.DoesNotContain(stage.Logs.Lines, line => line.Level >= Microsoft.Extensions.Logging.LogLevel.Warning);
    }

    [Fact]
    public async Task A_backend_that_ignores_100_continue_gets_the_body_all_the_same()
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            var body = await peer.ReadBodyAsync(4);
            await peer.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{body}");
            await peer.ReadHeadAsync();
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
        Assert.Equal("HTTP/1.1 100 Continue\n", await client.ReadHeadAsync());
        await client.SendAsync("body");

        Assert.Equal("body", (await client.ReadAnswerAsync()).Body);
    }

    /// <summary>The client that was told may send its body nevertheless, or another request on a new connection: neither harms.</summary>
    [Theory]
    [InlineData("417 Expectation Failed", "Content-Length: 4000")]
    [InlineData("401 Unauthorized", "Content-Length: 4000")]
    [InlineData("403 Forbidden", "Transfer-Encoding: chunked")]
    [InlineData("200 OK", "Content-Length: 4000")]
    public async Task A_backend_that_answers_instead_of_100_hears_nothing_of_the_body(string status, string framing)
    {
        var heard = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var backend = new ScriptedBackend(async peer =>
        {
            if ((await peer.ReadHeadAsync())!.StartsWith("GET", StringComparison.Ordinal))
            {
                await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                await peer.ReadHeadAsync();
                return;
            }

            await peer.SendAsync($"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nno");
            heard.SetResult(await peer.ReadBodyAsync(int.MaxValue));
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync($"POST / HTTP/1.1\r\nHost: h\r\n{framing}\r\nExpect: 100-continue\r\n\r\n");
        var (head, body) = await client.ReadAnswerAsync();
        Assert.StartsWith($"HTTP/1.1 {status}\n", head, StringComparison.Ordinal);
        Assert.Equal("no", body);
        Assert.Equal("", await heard.Task.WaitAsync(Eventually.Patience, TimeProvider.System));

        // Kept, and the body is read past; or closed, and said so.
        if (head.Contains("Connection: close", StringComparison.Ordinal))
        {
            Assert.Equal("", await client.ReadToEndAsync());
            return;
        }

        await client.SendAsync(framing[0] == 'C' ? new string('x', 4000) : $"fa0\r\n{new string('x', 4000)}\r\n0\r\n\r\n");
        await client.SendAsync("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
        Assert.Equal("ok", (await client.ReadAnswerAsync()).Body);
        Assert.Equal(["POST / HTTP/1.1", "GET /next HTTP/1.1"], backend.Requests.Select(request => request.Split("\r\n")[0]));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(100_000)] // the last read finds just what it asks for
    public async Task A_backend_that_answers_first_may_still_hear_the_rest(int length)
    {
        var heard = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync($"HTTP/1.1 202 Accepted\r\nContent-Length: {length}\r\n\r\n{new string('x', length)}");
            heard.SetResult(await peer.ReadBodyAsync(10));
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345");
        Assert.Equal(length, (await client.ReadAnswerAsync()).Body.Length);
        await client.SendAsync("67890");

        Assert.Equal("1234567890", await heard.Task.WaitAsync(Eventually.Patience, TimeProvider.System));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")]
    public async Task An_answer_cut_in_the_middle_is_never_whole_for_the_client(string beginning)
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync(beginning);
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = stage.Client();

        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetStringAsync("/"));

        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
        Assert.Equal("backend_reset", stage.Logs.Ends[0]["End"]);
    }

    /// <summary>Many clients look for an answer when all is sent.</summary>
    [Theory]
    [InlineData("Content-Length: 3\r\nConnection: close\r\n\r\nno!")]
    [InlineData("Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nno!\r\n0\r\n\r\n")]
    [InlineData("Connection: close\r\n\r\nno!")]
    [InlineData("Content-Length: 3\r\n\r\nno!")]
    public async Task An_upload_that_is_refused_early_is_heard_to_its_end(string answer)
    {
        const int Length = 32 << 20;
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync($"HTTP/1.1 413 Too Much\r\n{answer}");
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync($"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {Length}\r\n\r\n");
        await Eventually.TrueAsync(() => backend.Closed == 1);
        await client.SendAsync(new byte[Length]);

        Assert.StartsWith("HTTP/1.1 413 Too Much\n", await client.ReadHeadAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_leaves_takes_its_request_with_it()
    {
        var (came, left) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        await using var backend = await HttpBackend.StartAsync(async context =>
        {
            using var gone = context.RequestAborted.Register(left.SetResult);
            came.SetResult();
            await left.Task;
        });
        await using var stage = await HttpStage.StartAsync(backend);
        using (var client = await RawClient.ConnectAsync(stage.EndPoint))
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            await came.Task.WaitAsync(Eventually.Patience, TimeProvider.System);
        }

        await left.Task.WaitAsync(Eventually.Patience, TimeProvider.System);
    }

    private static async Task PingPongAsync(HttpStage stage, CancellationToken cancellationToken)
    {
        using var client = stage.Client(HttpVersion.Version20);
        var pipe = new System.IO.Pipelines.Pipe();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/") { Content = new Live(pipe.Reader), Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        var sending = client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        await pipe.Writer.WriteAsync("one"u8.ToArray(), cancellationToken);
        using var answer = await sending;
        await using var body = await answer.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[3];
        await body.ReadExactlyAsync(buffer, cancellationToken);
        Assert.Equal("one"u8.ToArray(), buffer);
        await pipe.Writer.WriteAsync("two"u8.ToArray(), cancellationToken);
        await body.ReadExactlyAsync(buffer, cancellationToken);
        Assert.Equal("two"u8.ToArray(), buffer);
        await pipe.Writer.CompleteAsync();
        Assert.Equal(0, await body.ReadAsync(buffer, cancellationToken));
    }
}
