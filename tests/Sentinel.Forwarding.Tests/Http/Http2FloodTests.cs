using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>Clients of HTTP/2 that make work without end: they cost little, and nobody else notices.</summary>
public sealed class Http2FloodTests
{
    // Kestrel forgets about one connection of twenty-five.
    private const int Floods = 50;

    [Theory]
    [InlineData(0)]

    // beside some whose answers wait: they were dropped with the rest
    [InlineData(50)]
    public async Task Streams_that_are_reset_as_soon_as_they_begin_leave_nothing_behind(int waiting)
    {
        using var backend = Backend();
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        for (var i = 0; i < Floods; i++)
        {
            await FloodAsync(stage, waiting, path => RawHttp2Client.Fields((":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "h")));
            await OthersAreServedAsync(stage);
        }

        await NothingIsLeftAsync(stage);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(50, true)]
    [InlineData(0, false)]
    [InlineData(50, false)]
    public async Task Calls_that_are_reset_as_soon_as_they_begin_leave_nothing_behind(int waiting, bool areWhole)
    {
        await using var backend = await HttpBackend.StartAsync(
            async context =>
            {
                context.Response.ContentType = "application/grpc";
                await context.Response.Body.WriteAsync(new byte[context.Request.Path == "/much" ? 64 * 1024 : 5]);
                context.Response.AppendTrailer("grpc-status", "0");
            },
            HttpProtocols.Http2);
        await using var stage = await HttpStage.StartAsync(backend);
        for (var i = 0; i < Floods; i++)
        {
            await FloodAsync(
                stage,
                waiting,
                path => RawHttp2Client.Fields(
                    (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "h"), ("content-type", "application/grpc"), ("te", "trailers")),
                areWhole);
            using var other = stage.Client(HttpVersion.Version20);
            using var call = new HttpRequestMessage(HttpMethod.Post, "/little")
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = new ByteArrayContent([]) { Headers = { ContentType = new("application/grpc") } },
            };
            using var answer = await other.SendAsync(call);
            Assert.Equal("0", answer.TrailingHeaders.GetValues("grpc-status").Single());
        }

        // a backend that has enough of its client may end what that one had not reset
        await NothingIsLeftAsync(stage, but: "request.failed");
    }

    [Fact]
    public async Task A_head_without_an_end_ends_its_connection()
    {
        const int Longest = 64 * 1024;
        const int Frame = 1024;

        // it is told, and what it still says is read away for a while, so that it hears that
        const int Most = 256 << 20;
        using var backend = Backend();
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        await using var client = new RawHttp2Client(await stage.ConnectAsync());
        await client.BeginAsync();
        _ = client.ForgetAsync();
        await client.SendAsync(RawHttp2Client.Headers, 0, 1, RawHttp2Client.Fields((":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "h")));

        var more = RawHttp2Client.Fields([.. Enumerable.Range(0, Frame / 128).Select(i => ($"x-{i}", new string('x', 120)))]);
        var sent = 0;
        while (sent < Most && await client.SendAsync(RawHttp2Client.Continuation, 0, 1, more))
        {
            sent += more.Length;
        }

        Assert.InRange(sent, Longest, Most - 1);
        await OthersAreServedAsync(stage);
        Assert.DoesNotContain(backend.Requests, request => request.Contains("x-0", StringComparison.Ordinal));
        await Eventually.TrueAsync(() => stage.Status.Connections == 0);
    }

    [Fact]
    public async Task Who_asks_for_much_and_takes_nothing_keeps_it_at_its_backend()
    {
        const int Length = 256 << 20;
        var sent = 0L;
        using var backend = new ScriptedBackend(async peer =>
        {
            if ((await peer.ReadHeadAsync())!.StartsWith("GET /little", StringComparison.Ordinal))
            {
                await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                return;
            }

            await peer.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Length}\r\n\r\n");
            var piece = new string('x', 1 << 16);
            for (var left = Length; left > 0; left -= piece.Length)
            {
                await peer.SendAsync(piece);
                Interlocked.Add(ref sent, piece.Length);
            }
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        await using (var client = new RawHttp2Client(await stage.ConnectAsync()))
        {
            await client.BeginAsync();
            await client.SendAsync(RawHttp2Client.Settings, 0, 0, RawHttp2Client.NoWindow);
            await client.SendFieldsAsync(isLast: true, (":method", "GET"), (":scheme", "http"), (":path", "/much"), (":authority", "h"));
            Assert.Equal(RawHttp2Client.Status200, await client.ReadAnswerAsync());

            for (var i = 0; i < 20; i++)
            {
                await OthersAreServedAsync(stage);
            }

            Assert.InRange(Interlocked.Read(ref sent), 0, 32 << 20);
        }

        await Eventually.TrueAsync(() => stage.Load(0).Connections == 0 && stage.Status.Connections == 0);
    }

    private static async Task FloodAsync(HttpStage stage, int waiting, Func<string, byte[]> head, bool areWhole = true)
    {
        var flags = (byte)(RawHttp2Client.EndHeaders | (areWhole ? RawHttp2Client.EndStream : 0));
        var (little, much) = (head("/"), head("/much"));
        await using var client = new RawHttp2Client(await stage.ConnectAsync());
        await client.BeginAsync();
        if (waiting > 0)
        {
            await client.SendAsync(RawHttp2Client.Settings, 0, 0, RawHttp2Client.NoWindow);
        }

        _ = client.ForgetAsync();
        for (var stream = 1; stream < 20_000 && await client.SendAsync(RawHttp2Client.Headers, flags, stream, stream < 2 * waiting ? much : little); stream += 2)
        {
            if (stream > 2 * waiting)
            {
                await client.SendAsync(RawHttp2Client.Reset, 0, stream, [0, 0, 0, 8]);
            }
        }
    }

    private static async Task NothingIsLeftAsync(HttpStage stage, string? but = null)
    {
        await Eventually.TrueAsync(() => stage.Load(0).Connections == 0 && stage.Status.Connections == 0);
        Assert.DoesNotContain(stage.Logs.Lines, line => line.Level >= LogLevel.Warning && line.Event != but);
    }

    private static ScriptedBackend Backend() => new(async peer =>
    {
        while (await peer.ReadHeadAsync() is { } head)
        {
            var body = head.StartsWith("GET /much", StringComparison.Ordinal) ? new string('x', 64 * 1024) : "ok";
            await peer.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}");
        }
    });

    private static async Task OthersAreServedAsync(HttpStage stage)
    {
        using var other = await RawClient.ConnectAsync(stage.EndPoint);
        await other.SendAsync("GET /little HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        Assert.Equal("ok", (await other.ReadAnswerAsync()).Body);
    }
}
