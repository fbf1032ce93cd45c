using System.Text;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>Answers below 200, which come before the one that counts.</summary>
public sealed class InterimTests
{
    private const string Request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    private const string Hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
    private const string Ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task One_reaches_the_client_as_it_comes(bool tls)
    {
        using var goOn = new SemaphoreSlim(0);
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x-mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nContent-Length: 7\r\nLink: </b>\r\n\r\n");
            await goOn.WaitAsync();
            await peer.SendAsync($"HTTP/1.1 102 Still at it\r\n\r\n{Ok}");
            await peer.ReadHeadAsync();
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], settings => settings with { Hsts = TimeSpan.FromDays(1) }, certificates: tls ? new("h") : null);
        await using var client = tls ? await stage.ConnectTlsAsync("h") : (Stream)await stage.ConnectAsync();
        using var reader = new StreamReader(client, Encoding.ASCII);

        await client.WriteAsync(Encoding.ASCII.GetBytes(Request));

        foreach (var line in new[] { "HTTP/1.1 103 Early Hints", "Link: </a.css>", "Link: </b>", "" })
        {
            Assert.Equal(line, await reader.ReadLineAsync().WaitAsync(Eventually.Patience, TimeProvider.System));
        }

        goOn.Release();
        var rest = await reader.ReadToEndAsync().WaitAsync(Eventually.Patience, TimeProvider.System);
        Assert.StartsWith("HTTP/1.1 102 Still at it\r\n\r\nHTTP/1.1 200 OK\r\n", rest, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\nok", rest, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET / HTTP/1.0\r\nHost: h\r\n\r\n")]
    [InlineData("OPTIONS / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")]
    public async Task Who_cannot_be_told_gets_the_answer_that_counts(string request)
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync(Hints + Ok);
            await peer.ReadHeadAsync();
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(request);

        Assert.StartsWith("HTTP/1.1 200 OK\n", await client.ReadHeadAsync(), StringComparison.Ordinal);
        Assert.Equal("ok", await client.ReadToEndAsync());
    }

    [Theory]
    [InlineData("GET", 1000, true)]
    [InlineData("GET", 1001, false)]
    [InlineData("OPTIONS", 1000, true)]
    [InlineData("OPTIONS", 1001, false)]
    public async Task There_may_be_many_but_not_without_end(string method, int count, bool passes)
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync(string.Concat(Enumerable.Repeat(Hints, count)) + Ok);
            await peer.ReadHeadAsync();
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(Request.Replace("GET", method, StringComparison.Ordinal));
        var answers = await client.ReadToEndAsync();

        Assert.Equal(method == "GET" ? count : 0, answers.Split("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n").Length - 1);
        Assert.Single(answers.Split("HTTP/1.1 "), answer => answer.StartsWith(passes ? "200 " : "502 ", StringComparison.Ordinal));
        Assert.Single(backend.Requests);
    }

    /// <summary>Whoever sent one is at work on the request.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task After_one_nobody_else_is_asked(bool dies)
    {
        using var goOn = new SemaphoreSlim(0);
        using var lost = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync(Hints);
            await goOn.WaitAsync();
        });
        using var backend = new ScriptedBackend(peer => peer.SendAsync(Ok), new(Loopback.Next(), lost.EndPoint.Port));
        await using var stage = await HttpStage.StartAsync([lost.EndPoint, backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(Request);
        Assert.StartsWith("HTTP/1.1 103 Early Hints\n", await client.ReadHeadAsync(), StringComparison.Ordinal);
        if (dies)
        {
            stage.Report(0, healthy: false);
        }
        else
        {
            goOn.Release();
        }

        Assert.StartsWith("HTTP/1.1 502 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
        Assert.Empty(backend.Requests);
        goOn.Release();
    }

    /// <summary>Who reads none of what comes holds its backend up, and is let go when it leaves.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_reads_none_of_them_and_leaves_ends_the_exchange(bool tls)
    {
        var hints = $"HTTP/1.1 103 Early Hints\r\nLink: {new string('x', 60_000)}\r\n\r\n";
        var sent = 0;
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            for (; sent < 900; sent++)
            {
                await peer.SendAsync(hints);
            }

            await peer.ReadHeadAsync();
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: tls ? new("h") : null);
        var client = tls ? await stage.ConnectTlsAsync("h") : (Stream)await stage.ConnectAsync();
        await client.WriteAsync(Encoding.ASCII.GetBytes(Request));
        await Eventually.TrueAsync(() => Volatile.Read(ref sent) > 5);

        await client.DisposeAsync();

        await Eventually.TrueAsync(() => backend.Closed == 1 && stage.Load(0).Connections == 0 && stage.Logs.Ends.Count == 1);
        Assert.Equal("client_reset", stage.Logs.Ends[0]["End"]);
        Assert.DoesNotContain(stage.Logs.Lines, line => line.Event is "request.failed" or "request.resent");
        Assert.Single(backend.Requests);
    }
}
