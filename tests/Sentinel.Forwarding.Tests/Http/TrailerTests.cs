using System.Net;
using System.Text;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>Fields behind a body: those that pass arrive as they were sent, and none of them becomes anything else.</summary>
public sealed class TrailerTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    // What says where a message ends or whom it is for, is for one hop, or was declared to be.
    private const string NeverPass =
        "Content-Length: 9\r\ntransfer-encoding: chunked\r\nHOST: evil\r\nTrailer: x\r\nConnection: close\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nUpgrade: x\r\nTE: gzip\r\nX-Mine: 1\r\n";

    private const string Claims = "X-Forwarded-For: 6.6.6.6\r\nX_Forwarded_Proto: https\r\nForwarded: for=6.6.6.6\r\nx-real-ip: 6.6.6.6\r\n";

    [Theory]
    [InlineData("GET", false)]
    [InlineData("OPTIONS", false)]
    [InlineData("GET", true)]
    [InlineData("OPTIONS", true)]
    public async Task Those_of_an_answer_pass(string method, bool tls)
    {
        using var backend = Answering($"Trailer: x-sum\r\nConnection: x-mine\r\n\r\n2\r\nok\r\n0\r\nx-sum: 1\r\n{NeverPass}Server-Timing: a\u00e9b\r\nx-sum:  2\t\r\n\r\n");
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: tls ? new("h") : null);
        await using var client = tls ? await stage.ConnectTlsAsync("h") : (Stream)await stage.ConnectAsync();

        await client.WriteAsync(Encoding.ASCII.GetBytes($"{method} / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
        var answer = await new StreamReader(client, Encoding.Latin1).ReadToEndAsync().WaitAsync(Eventually.Patience, TimeProvider.System);

        Assert.Contains("\r\nTransfer-Encoding: chunked\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nTrailer: x-sum\r\n", answer, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n2\r\nok\r\n0\r\nx-sum: 1\r\nServer-Timing: a\u00e9b\r\nx-sum: 2\r\n\r\n", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("OPTIONS")]
    public async Task Those_of_an_answer_pass_without_a_body_and_the_connection_goes_on(string method)
    {
        using var backend = Answering("\r\n0\r\nX-Sum: 1\r\n\r\n");
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync($"{method} / HTTP/1.1\r\nHost: h\r\n\r\n");
            Assert.Contains("Transfer-Encoding: chunked\n", await client.ReadHeadAsync(), StringComparison.Ordinal);
            Assert.Equal("0 X-Sum: 1 ", $"{await client.ReadLineAsync()} {await client.ReadLineAsync()} {await client.ReadLineAsync()}");
        }

        Assert.Equal(1, backend.Connections);
    }

    [Theory]
    [InlineData("2\r\nok\r\n")]
    [InlineData("")]
    public async Task Those_of_an_answer_pass_to_http_2(string chunks)
    {
        using var backend = Answering($"Connection: x-mine\r\n\r\n{chunks}0\r\nX-Sum: 1\r\n{NeverPass}X-Sum: 2\r\n\r\n");
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = stage.Client(HttpVersion.Version20);

        using var answer = await client.GetAsync("/");

        Assert.Equal(chunks.Length == 0 ? "" : "ok", await answer.Content.ReadAsStringAsync());
        Assert.Equal(["1", "2"], answer.TrailingHeaders.Single(field => field.Key.Equals("x-sum", StringComparison.OrdinalIgnoreCase)).Value);
        Assert.Single(answer.TrailingHeaders);
    }

    [Fact]
    public async Task Who_knows_no_chunks_gets_none_and_nothing_behind_them()
    {
        using var backend = Answering("\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n");
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync("GET / HTTP/1.0\r\nHost: h\r\n\r\n");

        Assert.EndsWith("\r\n\r\nok", await client.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("OPTIONS / HTTP/1.1\r\nHost: h\r\nTE: gzip, trailers\r\nConnection: TE\r\n\r\n", true)]
    [InlineData("OPTIONS / HTTP/1.1\r\nHost: h\r\nTE: gzip\r\nConnection: TE\r\n\r\n", false)]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\n\r\n", false)]
    [InlineData("GET / HTTP/1.0\r\nHost: h\r\nTE: trailers\r\n\r\n", false)]
    public async Task A_backend_hears_who_reads_them(string request, bool isTold)
    {
        using var backend = Answering("\r\n0\r\n\r\n");
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(request);
        await client.ReadHeadAsync();

        Assert.Equal(isTold ? ["TE: trailers"] : [], backend.Requests[0].Split("\r\n").Where(field => field.StartsWith("TE:", StringComparison.OrdinalIgnoreCase)));
    }

    [Fact]
    public async Task Those_of_a_request_pass()
    {
        var body = new StringBuilder();
        using var backend = Listening(body);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(
            $"POST / HTTP/1.1\r\nHost: h\r\nConnection: x-mine\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0;x=y\r\nX-Sum:1\r\n{NeverPass}{Claims}X-Other: caf\u00e9 \r\nX-Sum: 2\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
        Assert.Equal("2\r\nok\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\nX-Other: caf\u00e9\r\n\r\n", body.ToString());
        Assert.Contains("\r\nTrailer: X-Sum\r\n", backend.Requests[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Those_of_a_request_of_http_2_pass()
    {
        var body = new StringBuilder();
        using var backend = Listening(body);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);

        var answer = await PostAsync(stage, ("x-sum", "1"), ("content-length", "9"), ("host", "evil"), ("transfer-encoding", "chunked"), ("trailer", "x"), ("x-forwarded-for", "6.6.6.6"), ("x_real_ip", "6.6.6.6"), ("proxy-authorization", "x"), ("x-sum", "caf\u00e9"));

        Assert.Equal(RawHttp2Client.Status200, answer);
        Assert.Equal("2\r\nok\r\n0\r\nx-sum: 1\r\nx-sum: caf\u00e9\r\n\r\n", body.ToString());
    }

    [Fact]
    public async Task A_body_with_a_length_has_nothing_behind_it()
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.ReadBodyAsync(2);
            await peer.SendAsync(Ok);
            await peer.ReadHeadAsync();
            await peer.SendAsync(Ok);
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        await using var client = new RawHttp2Client(await stage.ConnectAsync());

        await client.BeginAsync();
        await client.SendFieldsAsync(isLast: false, (":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("content-length", "2"));
        await client.SendDataAsync(isLast: false, "ok");
        await client.SendFieldsAsync(isLast: true, ("x-sum", "GET /smuggled HTTP/1.1"));

        Assert.Equal(RawHttp2Client.Status200, await client.ReadAnswerAsync());
        using var next = stage.Client();
        Assert.Equal("ok", await next.GetStringAsync("/next"));
        Assert.Equal(["POST / HTTP/1.1", "GET /next HTTP/1.1"], backend.Requests.Select(head => head[..head.IndexOf('\r', StringComparison.Ordinal)]));
    }

    /// <summary>Refused, and the backend is not told that the request is whole.</summary>
    [Theory]
    [InlineData("X : 1")]
    [InlineData(" X: 1")]
    [InlineData("X: 1\r\n Y: 2")]
    [InlineData("X\"y: 1")]
    [InlineData("X y: 1")]
    [InlineData("X\u00e9: 1")]
    [InlineData("X\0: 1")]
    [InlineData(": 1")]
    [InlineData("no colon")]
    [InlineData("X: a\0b")]
    [InlineData("X: a\rb")]
    [InlineData("X: a\nb")]
    [InlineData("X: a\u0001b")]
    [InlineData("X: a\u007fb")]
    [InlineData("X\rTransfer-Encoding: chunked")]
    public async Task A_field_behind_a_body_is_one_field_or_none(string field)
    {
        var body = new StringBuilder();
        using var backend = Listening(body);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync($"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n{field}\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 400 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
        await client.HowItEndsAsync();
        await Eventually.TrueAsync(() => backend.Closed == 1);
        Assert.DoesNotContain("0\r\n", body.ToString(), StringComparison.Ordinal);
        Assert.Single(backend.Requests);
    }

    /// <summary>The same: HTTP/2 can carry line ends in names and values.</summary>
    [Theory]
    [InlineData("x\r\ny", "1")]
    [InlineData("x: 1\r\ntransfer-encoding", "chunked")]
    [InlineData("x\ny", "1")]
    [InlineData("x\0y", "1")]
    [InlineData("x y", "1")]
    [InlineData("x:y", "1")]
    [InlineData("x\u00e9", "1")]
    [InlineData("x\"y", "1")]
    [InlineData("", "1")]
    [InlineData("X-Upper", "1")]
    [InlineData(":path", "/other")]
    [InlineData(":x", "1")]
    [InlineData("connection", "x")]
    [InlineData("x", "1\r\ny: 2")]
    [InlineData("x", "1\ny: 2")]
    [InlineData("x", "1\r")]
    [InlineData("x", "1\0")]
    [InlineData("x", "1\u001b")]
    [InlineData("x", "1\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")]
    public async Task A_field_behind_a_body_of_http_2_is_one_field_or_none(string name, string value)
    {
        var body = new StringBuilder();
        using var backend = Listening(body);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);

        Assert.True(await PostAsync(stage, (name, value)) is RawHttp2Client.Status400 or RawHttp2Client.Reset or RawHttp2Client.GoAway);

        await Eventually.TrueAsync(() => backend.Closed == backend.Connections);
        Assert.DoesNotContain("0\r\n", body.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(backend.Requests, head => head.Contains("smuggled", StringComparison.Ordinal));
    }

    /// <summary>Answers every request with these fields and what is behind them.</summary>
    private static ScriptedBackend Answering(string rest) => new(async peer =>
    {
        while (await peer.ReadHeadAsync() is not null)
        {
            await peer.SendAsync($"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{rest}");
        }
    });

    /// <summary>Answers a request when its last chunk and what is behind it have come.</summary>
    /// <param name="body">Gets them as they come.</param>
    private static ScriptedBackend Listening(StringBuilder body) => new(async peer =>
    {
        await peer.ReadHeadAsync();
        while (!(body.ToString() is var came && came.Contains("0\r\n", StringComparison.Ordinal) && came.EndsWith("\r\n\r\n", StringComparison.Ordinal)))
        {
            var more = await peer.ReadBodyAsync(1);
            if (more.Length == 0)
            {
                return;
            }

            body.Append(more);
        }

        await peer.SendAsync(Ok);
        await peer.ReadHeadAsync();
    });

    private static async Task<byte> PostAsync(HttpStage stage, params (string Name, string Value)[] trailers)
    {
        await using var client = new RawHttp2Client(await stage.ConnectAsync());
        await client.BeginAsync();
        await client.SendFieldsAsync(isLast: false, (":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a"));
        await client.SendDataAsync(isLast: false, "ok");
        await client.SendFieldsAsync(isLast: true, trailers);
        return await client.ReadAnswerAsync();
    }
}
