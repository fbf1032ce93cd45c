using System.Net;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>Backends that answer in every way they may, and in ways they may not. One connection to the backend serves all that it may.</summary>
public sealed class AnswerParsingTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok")]
    [InlineData("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "ok")]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "ok")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", "ok")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", "ok")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\n\r\n", "ok")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n000002 \r\nok\r\n0\r\nX-Trailer: 1\r\nX-Other: 2\r\n\r\n", "ok")]
    [InlineData("HTTP/1.1 200 OK\r\nFolded: a\r\n  b\r\nContent-Length: 2\r\n\r\nok", "ok")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok")]
    [InlineData("HTTP/1.1 204 No Content\r\n\r\n", "")]
    [InlineData("HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", "")]
    [InlineData("HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", "")]
    [InlineData("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "")]
    [InlineData("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", "ok")]
    [InlineData("HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok", "ok")]
    public async Task An_answer_with_a_clear_end_leaves_its_connection_for_the_next(string answer, string body)
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            while (await peer.ReadHeadAsync() is not null)
            {
                await peer.SendAsync(answer);
            }
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = stage.Client();

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(body, await (await client.GetAsync("/")).Content.ReadAsStringAsync());
        }

        Assert.Equal(3, backend.Requests.Count);
        Assert.Equal(1, backend.Connections);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok")]
    [InlineData("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\nok")]
    [InlineData("HTTP/1.0 200 OK\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n2\r\nok\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")]
    [InlineData("HTTP/1.1 205 Reset Content\r\nX-Ok: ok\r\nContent-Length: 2\r\n\r\nxx")]
    [InlineData("HTTP/1.1 205 Reset Content\r\nX-Ok: ok\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxx\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 204 No Content\r\nX-Ok: ok\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")]
    public async Task After_an_answer_whose_end_is_not_clear_nothing_more_is_asked_on_its_connection(string answer)
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync(answer);
            if (!answer.Contains("\r\n\r\nok", StringComparison.Ordinal) || answer.Contains("Length", StringComparison.Ordinal))
            {
                await peer.ReadHeadAsync();
            }
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = stage.Client();

        for (var i = 0; i < 3; i++)
        {
            var got = await client.GetAsync("/");
            Assert.Contains("ok", got.Headers + await got.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        Assert.Equal(3, backend.Connections);
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("HTTP/2 200 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 20 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 2000 OK\r\n\r\n")]
    [InlineData("HTTP/1.1  200 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\n Folded: nothing\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nno colon\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nX: a\u0001b\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nok\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nok\r\n")]
    public async Task What_is_no_answer_becomes_a_bad_gateway_and_is_not_asked_for_again(string answer)
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync(answer);
            await peer.ReadHeadAsync();
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = stage.Client();

        using var got = await client.GetAsync("/");

        Assert.Equal(HttpStatusCode.BadGateway, got.StatusCode);
        Assert.Equal("application/problem+json", got.Content.Headers.ContentType!.MediaType);
        Assert.Single(backend.Requests);
        Assert.Single(stage.Logs.Lines, line => line.Event == "request.failed");
    }

    [Fact]
    public async Task A_chunk_longer_than_it_says_breaks_the_answer_off()
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokHTTP/1.1 200 OK\r\n\r\n");
            await peer.ReadHeadAsync();
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = stage.Client();

        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetStringAsync("/"));
    }

    [Theory]
    [InlineData(100, 500, true)]
    [InlineData(1, 60_000, true)]
    [InlineData(1, 70_000, false)]
    [InlineData(600, 10, false)]
    public async Task A_head_may_be_large_but_not_endless(int fields, int size, bool passes)
    {
        var more = string.Concat(Enumerable.Range(0, fields).Select(i => $"X-{i}: {new string('x', size)}\r\n"));
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync($"HTTP/1.1 200 OK\r\n{more}Content-Length: 0\r\n\r\n");
            await peer.ReadHeadAsync();
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = stage.Client();

        using var got = await client.GetAsync("/");

        Assert.Equal(passes ? HttpStatusCode.OK : HttpStatusCode.BadGateway, got.StatusCode);
    }

    [Fact]
    public async Task An_answer_that_comes_byte_by_byte_is_the_same()
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            foreach (var c in "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
            {
                await peer.SendAsync(c.ToString());
            }

            await peer.ReadHeadAsync();
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = stage.Client();

        Assert.Equal("abcde", await client.GetStringAsync("/"));
    }

    [Theory]
    [InlineData("POST", "", "POST / HTTP/1.1", "Content-Length: 0")]
    [InlineData("PUT", "", "PUT / HTTP/1.1", "Content-Length: 0")]
    [InlineData("POST", "Content-Length: 3\r\n", "POST / HTTP/1.1", "Content-Length: 3")]
    [InlineData("POST", "Transfer-Encoding: chunked\r\n", "POST / HTTP/1.1", "Transfer-Encoding: chunked")]
    [InlineData("PROPFIND", "Content-Length: 3\r\n", "PROPFIND / HTTP/1.1", "Content-Length: 3")]
    public async Task A_request_is_framed_as_its_client_framed_it(string method, string framing, string start, string line)
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            var body = framing.Length == 0 ? "" : await peer.ReadBodyAsync(framing[0] == 'C' ? 3 : 13);
            await peer.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}");
            await peer.ReadHeadAsync();
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        var sent = framing.Length == 0 ? "" : framing[0] == 'C' ? "abc" : "3\r\nabc\r\n0\r\n\r\n";

        await client.SendAsync($"{method} / HTTP/1.1\r\nHost: h\r\n{framing}\r\n{sent}");

        Assert.Equal(sent, (await client.ReadAnswerAsync()).Body);
        var head = backend.Requests.Single().Split("\r\n");
        Assert.Equal(start, head[0]);
        Assert.Contains(line, head);
        Assert.Single(head, field => field.StartsWith("Content-Length", StringComparison.Ordinal) || field.StartsWith("Transfer-Encoding", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_asked_of_the_server_as_a_whole_is_passed_on_as_that()
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync("OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");

        Assert.Contains("\nOPTIONS * HTTP/1.1\n", await client.ReadToEndAsync(), StringComparison.Ordinal);
    }
}
