using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>What a client may cost.</summary>
public sealed class LimitTests
{
    [Theory]
    [InlineData("")]
    [InlineData("PRI * HT")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nX: ")]
    public async Task Who_dawdles_over_a_head_is_ended_and_nobody_else(string beginning)
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { HeaderTimeout = TimeSpan.FromSeconds(1) });
        using var dawdler = await RawClient.ConnectAsync(stage.EndPoint);
        using var other = await RawClient.ConnectAsync(stage.EndPoint);
        await dawdler.SendAsync(beginning);
        await other.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        await other.ReadHeadAsync();
        await other.ReadChunkAsync();

        var ending = dawdler.HowItEndsAsync();
        while (!ending.IsCompleted)
        {
            // a byte now and then does not help
            try
            {
                await dawdler.SendAsync(beginning.Length > 20 ? "x" : "");
            }
            catch (SocketException)
            {
                break;
            }

            await Task.WhenAny(ending, Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System));
        }

        await ending;
        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
        Assert.Equal("idle", stage.Logs.Ends[0]["End"]);
        Assert.Equal(1, stage.Status.Connections);
    }

    [Theory]
    [InlineData("")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx")]
    public async Task Who_begins_a_head_and_does_not_end_it_is_called_idle(string before)
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var clear = await HttpStage.StartAsync(backend, settings => settings with { HeaderTimeout = TimeSpan.FromSeconds(3) });
        await using var encrypted = await HttpStage.StartAsync([backend.EndPoint], settings => settings with { HeaderTimeout = TimeSpan.FromSeconds(3) }, certificates: new("h"));
        foreach (var stage in new[] { clear, encrypted })
        {
            await using Stream client = stage == clear ? await stage.ConnectAsync() : await stage.ConnectTlsAsync("h");
            await client.WriteAsync(Encoding.Latin1.GetBytes($"{before}GET / HTTP/1.1\r\nHost: h\r\nX: "));

            Assert.Contains("HTTP/1.1 408 ", await new StreamReader(client).ReadToEndAsync(), StringComparison.Ordinal);
            await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
            Assert.Equal("idle", stage.Logs.Ends[0]["End"]);
        }
    }

    [Theory]
    [InlineData("Content-Length: 11\r\n\r\n")]
    [InlineData("Content-Length: 11\r\n\r\nhello world")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n")]
    public async Task A_body_larger_than_allowed_is_refused(string rest)
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Request.Body.CopyToAsync(Stream.Null));
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { MaxRequestBody = 10 });
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync($"POST / HTTP/1.1\r\nHost: h\r\n{rest}");
        var (head, body) = await client.ReadAnswerAsync();

        Assert.StartsWith("HTTP/1.1 413 ", head, StringComparison.Ordinal);
        Assert.Contains("larger than this address accepts", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Transfer-Encoding: chunked", false)]
    [InlineData("Transfer-Encoding: chunked", true)]
    [InlineData("Content-Length: 8388608", false)]
    public async Task Who_goes_on_sending_hears_that_it_is_too_much(string framing, bool tls)
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Request.Body.CopyToAsync(Stream.Null));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], settings => settings with { MaxRequestBody = 100_000 }, certificates: tls ? new("h") : null);
        var piece = Encoding.ASCII.GetBytes(framing[0] == 'T' ? $"10000\r\n{new string('x', 65536)}\r\n" : new string('x', 65536));
        for (var i = 0; i < 5; i++)
        {
            await using var client = tls ? await stage.ConnectTlsAsync("h") : (Stream)await stage.ConnectAsync();
            await client.WriteAsync(Encoding.ASCII.GetBytes($"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{framing}\r\n\r\n"));

            // Whatever comes meanwhile: as a client does that looks for an answer when it has sent all.
            for (var sent = 0; sent < 128; sent++)
            {
                await client.WriteAsync(piece);
            }

            var answer = await new StreamReader(client, Encoding.ASCII).ReadToEndAsync().WaitAsync(Eventually.Patience, TimeProvider.System);
            Assert.StartsWith("HTTP/1.1 413 ", answer, StringComparison.Ordinal);
            Assert.Contains("larger than this address accepts", answer, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Who_sends_for_longer_than_Kestrel_would_listen_hears_his_answer()
    {
        await using var stage = await HttpStage.StartAsync([]);
        await using var client = await stage.ConnectAsync();
        await client.WriteAsync("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n"u8.ToArray());

        // A slow line: Kestrel's clock is the system's, and five seconds are its patience.
        var (begin, sent) = (TimeProvider.System.GetTimestamp(), 0);
        for (; TimeProvider.System.GetElapsedTime(begin) < TimeSpan.FromSeconds(7); sent++)
        {
            await client.WriteAsync("x"u8.ToArray());
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        }

        await client.WriteAsync(new byte[1000 - sent]);

        var answer = await new StreamReader(client, Encoding.ASCII).ReadToEndAsync().WaitAsync(Eventually.Patience, TimeProvider.System);
        Assert.StartsWith("HTTP/1.1 503 ", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Content-Length: 1000")]
    [InlineData("Transfer-Encoding: chunked")]
    public async Task Who_falls_silent_after_his_answer_is_let_go_without_a_word(string framing)
    {
        var time = new ManualTimeProvider();
        await using var stage = await HttpStage.StartAsync([], time: time);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n1");
        Assert.Contains(" 503 ", await client.ReadHeadAsync(), StringComparison.Ordinal);

        await Eventually.TrueAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(5));
            return stage.Status.Connections == 0;
        });

        Assert.DoesNotContain(stage.Logs.Lines, line => line.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task Who_is_told_and_says_nothing_more_is_let_go()
    {
        var time = new ManualTimeProvider();
        await using var backend = await HttpBackend.StartAsync(context => context.Request.Body.CopyToAsync(Stream.Null));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], settings => settings with { MaxRequestBody = 10 }, time: time);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        await client.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n");
        await client.SendAsync(new string('x', 256));
        Assert.Contains(" 413 ", await client.ReadToEndAsync(), StringComparison.Ordinal);
        Assert.Equal(1, stage.Status.Connections);

        await Eventually.TrueAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(5));
            return stage.Status.Connections == 0;
        });
    }

    [Theory]
    [InlineData(10, HttpStatusCode.OK)]
    [InlineData(0, HttpStatusCode.OK)]
    public async Task A_body_as_large_as_allowed_passes(int most, HttpStatusCode status)
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Request.Body.CopyToAsync(Stream.Null));
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { MaxRequestBody = most });
        using var client = stage.Client();

        using var answer = await client.PostAsync("/", new StringContent(new string('x', 10)));

        Assert.Equal(status, answer.StatusCode);
    }

    [Fact]
    public async Task A_connection_that_moves_nothing_is_ended()
    {
        await using var backend = await HttpBackend.StartAsync(async context =>
        {
            await context.Response.WriteAsync("x");
            await context.Response.Body.FlushAsync();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        });
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { IdleTimeout = TimeSpan.FromSeconds(1) });
        using var between = await RawClient.ConnectAsync(stage.EndPoint);
        using var within = await RawClient.ConnectAsync(stage.EndPoint);
        await within.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        await between.SendAsync("OPTIONS * HTTP/1.0\r\n\r\n"[..3]);

        Assert.Equal("reset", await within.HowItEndsAsync());
        await between.HowItEndsAsync();
        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 2);
        Assert.All(stage.Logs.Ends, end => Assert.Equal("idle", end["End"]));
        await Eventually.TrueAsync(() => stage.Load(0).Connections == 0);
    }

    [Fact]
    public async Task A_slow_reader_and_a_slow_sender_get_through()
    {
        const int Size = 1_000_000;
        await using var backend = await HttpBackend.StartAsync(async context =>
        {
            await context.Request.Body.CopyToAsync(Stream.Null);
            context.Response.ContentLength = Size;
            await context.Response.Body.WriteAsync(new byte[Size]);
        });
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { HeaderTimeout = TimeSpan.FromMilliseconds(500) });
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\n");
        for (var i = 0; i < 8; i++)
        {
            await client.SendAsync("x");
            await Task.Delay(TimeSpan.FromMilliseconds(250), TimeProvider.System);
        }

        await client.ReadHeadAsync();
        for (var read = 0; read < Size; read += 200_000)
        {
            await client.ReadTextAsync(200_000);
            await Task.Delay(TimeSpan.FromMilliseconds(250), TimeProvider.System);
        }
    }

    [Fact]
    public async Task One_connection_cannot_carry_more_requests_than_a_listener_may_have_connections()
    {
        using var goOn = new SemaphoreSlim(0);
        await using var backend = await HttpBackend.StartAsync(async context => await goOn.WaitAsync(context.RequestAborted));
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { MaxConnections = 3 });
        using var client = stage.Client(HttpVersion.Version20);
        var asking = Enumerable.Range(0, 3).Select(_ => client.GetAsync("/")).ToArray();
        await Eventually.TrueAsync(() => stage.Load(0).Connections == 3);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await client.GetAsync("/")).StatusCode);
        goOn.Release(4);
        Assert.All(await Task.WhenAll(asking), answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/")).StatusCode);
    }

    [Fact]
    public async Task A_listener_without_http2_does_not_speak_it()
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { Http2 = false });
        using var client = stage.Client(HttpVersion.Version20);

        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync("/"));
        Assert.Equal(HttpStatusCode.OK, (await stage.Client().GetAsync("/")).StatusCode);
    }
}
