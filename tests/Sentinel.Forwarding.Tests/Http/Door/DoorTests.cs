using System.Globalization;
using System.Text;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http.Door;

/// <summary>Who reads a request, the door or Kestrel, makes no difference to anybody.</summary>
public sealed class DoorTests
{
    private const string Plain = "GET /plain HTTP/1.1\r\nhost: h\r\nuser-agent: x\r\n\r\n";

    // Not plain, answered and gone: what comes next on the connection is read by Kestrel.
    private const string Primer = "OPTIONS /primer HTTP/1.1\r\nHost: h\r\n\r\n";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_connection_is_the_doors_up_to_the_first_request_that_is_not_plain(bool tls)
    {
        using var backend = new ScriptedBackend(EchoAsync);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: tls ? new("h") : null);
        await using var client = tls ? await stage.ConnectTlsAsync("h") : (Stream)await stage.ConnectAsync();

        // Kestrel writes names that it knows in its own way.
        Assert.Contains("user-agent: x", await AskAsync(client, Plain), StringComparison.Ordinal);
        Assert.Contains("user-agent: x", await AskAsync(client, Plain), StringComparison.Ordinal);
        await AskAsync(client, Primer);
        Assert.Contains("User-Agent: x", await AskAsync(client, Plain), StringComparison.Ordinal);
        Assert.Equal(1, backend.Connections);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nserver: s\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 404 Nothing Here\r\nContent-Length: 2\r\nX-Two: 1\r\nX-Two: 2\r\n\r\nok")]
    [InlineData("HTTP/1.1 999 \r\nContent-Length: 2\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 caf\u00e9\r\nContent-Length: 2\r\nX: caf\u00e9\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\nX-Trailer: t\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: x-mine\r\n\r\n0\r\nX-Trailer: t\r\nX-Mine: 1\r\nX-Trailer: caf\u00e9\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n2\r\nok\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\nok")]
    [InlineData("HTTP/1.0 200 OK\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nFolded: a\r\n  b\r\n c\r\nEmpty:\r\n\td\r\nContent-Length: 2\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\nConnection: x-mine, close\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nAlt-Svc: h2\r\n\r\nok")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")]
    [InlineData("HTTP/1.1 204 No Content\r\nX: y\r\n\r\n")]
    [InlineData("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok")]
    [InlineData("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n")]
    [InlineData("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 205 Reset Content\r\nContent-Length: 2\r\n\r\nok")]
    [InlineData("HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 205 Reset Content\r\n\r\nok")]
    [InlineData("HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\nETag: e\r\n\r\n")]
    [InlineData("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")]
    [InlineData("no answer\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nX: a\u0001b\r\nContent-Length: 2\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 2\r\n\r\nok")]
    public async Task An_answer_reaches_the_client_as_through_Kestrel(string answer)
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            while (await peer.ReadHeadAsync() is { } head)
            {
                var isPrimer = head.Contains("/primer", StringComparison.Ordinal);
                await peer.SendAsync(isPrimer ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" : answer);
                if (!isPrimer && !answer.Contains("Length", StringComparison.Ordinal) && !answer.Contains("chunked", StringComparison.Ordinal))
                {
                    return;
                }
            }
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);

        foreach (var method in new[] { "GET", "HEAD" })
        {
            var request = $"{method} / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
            var direct = await SeenAsync(stage, "", request);
            Assert.Equal(await SeenAsync(stage, Primer, request), direct);
            Assert.StartsWith("HTTP/1.1 ", direct[0], StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("GET", "")]
    [InlineData("OPTIONS", "")]
    [InlineData("GET", "Upgrade: x\r\nConnection: upgrade\r\n")]
    public async Task Every_way_says_the_same_of_the_client_and_lets_its_wishes_pass(string method, string more)
    {
        using var backend = new ScriptedBackend(EchoAsync);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], address: System.Net.IPAddress.IPv6Loopback);
        await using var client = await stage.ConnectAsync();

        var seen = await AskAsync(client, $"{method} / HTTP/1.1\r\nHost: shop.example:8080\r\nForwarded: for=6.6.6.6\r\nUpgrade-Insecure-Requests: 1\r\n{more}\r\n");

        Assert.Contains("\r\nForwarded: for=\"[::1]\";host=\"shop.example:8080\";proto=http\r\n", seen + "\r\n", StringComparison.Ordinal);
        Assert.Contains("\r\nUpgrade-Insecure-Requests: 1\r\n", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("6.6.6.6", seen, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok!\r\n0\r\n\r\n")]
    public async Task An_answer_that_breaks_off_breaks_the_connection(string answer)
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync(answer);
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(Plain);

        Assert.Equal("reset", await client.HowItEndsAsync());
        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
        Assert.Equal("backend_reset", stage.Logs.Ends[0]["End"]);
        Assert.Single(stage.Logs.Lines, line => line.Event == "request.failed");
        Assert.Equal(0, stage.Load(0).Connections);
    }

    [Fact]
    public async Task A_request_that_its_backend_left_goes_on_where_it_was()
    {
        var left = 2;
        using var backend = new ScriptedBackend(async peer =>
        {
            while (await peer.ReadHeadAsync() is { } head && (head.Contains("/first", StringComparison.Ordinal) || Interlocked.Decrement(ref left) < 0))
            {
                await SendBackAsync(peer, head);
            }
        });
        await using var stage = await HttpStage.StartAsync(
            [backend.EndPoint], settings => settings with { Hold = TimeSpan.FromMinutes(1), RequestsPerSecond = 3 }, time: new ManualTimeProvider());
        await using var client = await stage.ConnectAsync();
        await AskAsync(client, "GET /first HTTP/1.1\r\nHost: h\r\n\r\n");

        // The door sends it once and Kestrel once; what was lost twice waits for a backend that is back.
        var asking = AskAsync(client, Plain);
        await Eventually.TrueAsync(() => stage.Status.Held == 1);
        stage.Report(0, healthy: false);
        stage.Report(0, healthy: true);

        Assert.Contains("User-Agent: x", await asking, StringComparison.Ordinal);
        Assert.Equal(2, stage.Logs.Lines.Count(line => line.Event == "request.resent"));
        Assert.Equal(4, backend.Requests.Count);

        // it was counted once: the third of three passes
        Assert.StartsWith("HTTP/1.1 200 ", await AskAsync(client, Plain), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 429 ", await AskAsync(client, Plain), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_that_is_lost_while_the_listener_stops_is_still_answered()
    {
        using var goOn = new SemaphoreSlim(0);
        var left = 1;
        using var backend = new ScriptedBackend(async peer =>
        {
            while (await peer.ReadHeadAsync() is { } head)
            {
                if (head.Contains("/plain", StringComparison.Ordinal) && Interlocked.Decrement(ref left) == 0)
                {
                    await goOn.WaitAsync();
                    return;
                }

                await SendBackAsync(peer, head);
            }
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        await using var client = await stage.ConnectAsync();
        using var idle = await RawClient.ConnectAsync(stage.EndPoint);
        await idle.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        await idle.ReadAnswerAsync();
        var asking = AskAsync(client, Plain);
        await Eventually.TrueAsync(() => backend.Requests.Count == 2);

        var stopping = stage.Forwarder.StopAsync(CancellationToken.None);
        Assert.Equal("end", await idle.HowItEndsAsync());
        goOn.Release();

        var answer = await asking;
        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.Contains("Connection: close", answer, StringComparison.Ordinal);
        Assert.Equal(0, await client.ReadAsync(new byte[1]));
        await stopping;
    }

    [Fact]
    public async Task Requests_in_one_go_are_answered_one_after_the_other_and_others_meanwhile()
    {
        const int Count = 500;
        using var backend = new ScriptedBackend(EchoAsync);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        using var other = await RawClient.ConnectAsync(stage.EndPoint);

        var sending = client.SendAsync(string.Concat(Enumerable.Range(0, Count).Select(i => $"GET /{i} HTTP/1.1\r\nHost: h\r\n\r\n")));
        await other.SendAsync(Plain);
        Assert.StartsWith("HTTP/1.1 200 ", (await other.ReadAnswerAsync()).Head, StringComparison.Ordinal);
        for (var i = 0; i < Count; i++)
        {
            Assert.StartsWith($"GET /{i} HTTP/1.1", (await client.ReadAnswerAsync()).Body, StringComparison.Ordinal);
        }

        await sending;
    }

    [Fact]
    public async Task Nothing_is_read_behind_a_request_that_closes()
    {
        using var backend = new ScriptedBackend(EchoAsync);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(Plain + Plain.Replace("host: h", "host: h\r\nconnection: close", StringComparison.Ordinal) + Plain.Replace("/plain", "/never", StringComparison.Ordinal));

        Assert.Contains("user-agent: x", (await client.ReadAnswerAsync()).Body, StringComparison.Ordinal);
        var (head, body) = await client.ReadAnswerAsync();
        Assert.Contains("\nConnection: close\n", head, StringComparison.Ordinal);
        Assert.Contains("user-agent: x", body, StringComparison.Ordinal);
        await client.HowItEndsAsync();
        Assert.Equal(2, backend.Requests.Count);
    }

    [Fact]
    public async Task What_is_behind_a_plain_request_is_neither_lost_nor_read_twice()
    {
        using var backend = new ScriptedBackend(EchoAsync);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(Plain + Primer + Plain.Replace("/plain", "/third", StringComparison.Ordinal));

        foreach (var path in new[] { "GET /plain", "OPTIONS /primer", "GET /third" })
        {
            Assert.StartsWith(path, (await client.ReadAnswerAsync()).Body, StringComparison.Ordinal);
        }

        Assert.Equal(["GET /plain", "OPTIONS /primer", "GET /third"], backend.Requests.Select(request => request[..request.IndexOf(" HTTP", StringComparison.Ordinal)]));
    }

    [Fact]
    public async Task Who_asks_nothing_for_two_minutes_is_let_go()
    {
        var time = new ManualTimeProvider();
        using var backend = new ScriptedBackend(EchoAsync);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], time: time);
        await using var client = await stage.ConnectAsync();
        await AskAsync(client, Plain);
        time.Advance(TimeSpan.FromSeconds(119));
        await AskAsync(client, Plain);

        // the client may have its answer a moment before the request is over, from which on the time counts
        await Eventually.TrueAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(121));
            return stage.Logs.Ends.Count == 1;
        });

        Assert.Equal(0, await client.ReadAsync(new byte[1]).AsTask().WaitAsync(Eventually.Patience, TimeProvider.System));
        Assert.Equal("completed", stage.Logs.Ends[0]["End"]);
    }

    [Fact]
    public async Task A_client_that_leaves_ends_the_exchange_with_the_backend()
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.ReadHeadAsync();
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        var client = await RawClient.ConnectAsync(stage.EndPoint);
        await client.SendAsync(Plain);
        await Eventually.TrueAsync(() => backend.Requests.Count == 1);

        client.Dispose();

        await Eventually.TrueAsync(() => backend.Closed == 1 && stage.Load(0).Connections == 0 && stage.Logs.Ends.Count == 1);
        Assert.Equal("client_reset", stage.Logs.Ends[0]["End"]);
        Assert.DoesNotContain(stage.Logs.Lines, line => line.Event == "request.failed");
    }

    /// <summary>Answers each request with its head.</summary>
    private static async Task EchoAsync(ScriptedBackend.Peer peer)
    {
        while (await peer.ReadHeadAsync() is { } head)
        {
            await SendBackAsync(peer, head);
        }
    }

    private static Task SendBackAsync(ScriptedBackend.Peer peer, string head) => peer.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {head.Length}\r\n\r\n{head}");

    /// <summary>One answer that has a length.</summary>
    private static async Task<string> AskAsync(Stream client, string request)
    {
        await client.WriteAsync(Encoding.Latin1.GetBytes(request));
        var text = "";
        var buffer = new byte[4096];
        while (!IsWhole(text))
        {
            var length = await client.ReadAsync(buffer).AsTask().WaitAsync(Eventually.Patience, TimeProvider.System);
            Assert.NotEqual(0, length);
            text += Encoding.Latin1.GetString(buffer, 0, length);
        }

        return text;
    }

    private static bool IsWhole(string text)
    {
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        return end > 0 && text.Split("\r\n").First(line => line.StartsWith("Content-Length: ", StringComparison.Ordinal))[16..] is var length
            && text.Length >= end + 4 + int.Parse(length, CultureInfo.InvariantCulture);
    }

    /// <summary>What a client sees of the answer to one request: status line, fields in order of their names, body, end.</summary>
    private static async Task<string[]> SeenAsync(HttpStage stage, string first, string request)
    {
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        if (first.Length > 0)
        {
            await client.SendAsync(first);
            await client.ReadAnswerAsync();
        }

        await client.SendAsync(request);
        var head = (await client.ReadHeadAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var fields = head[1..].Select(field => $"{field[..field.IndexOf(':', StringComparison.Ordinal)].ToUpperInvariant()}{field[field.IndexOf(':', StringComparison.Ordinal)..]}")
            .Where(field => !field.StartsWith("DATE: ", StringComparison.Ordinal) || field.Contains("1994", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
        var dates = head.Count(field => field.StartsWith("Date: ", StringComparison.Ordinal));
        var body = await client.ReadToEndAsync();
        if (head.Contains("Transfer-Encoding: chunked"))
        {
            // cut into pieces as it comes
            body = string.Concat(body.Split("\r\n").Where((_, i) => i % 2 == 1)) + (body.EndsWith("\r\n\r\n", StringComparison.Ordinal) ? " whole" : " cut");
        }

        return [head[0], .. fields, $"{dates} dates", body];
    }
}
