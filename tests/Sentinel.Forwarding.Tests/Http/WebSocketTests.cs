using System.Net;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

public sealed class WebSocketTests
{
    [Fact]
    public async Task What_else_may_be_spoken_over_http2_is_refused_in_few_words()
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = stage.Client(HttpVersion.Version20);
        using var request = new HttpRequestMessage(HttpMethod.Connect, "/") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.Protocol = "connect-udp";

        using var answer = await client.SendAsync(request);

        Assert.Equal(HttpStatusCode.NotImplemented, answer.StatusCode);
        Assert.DoesNotContain(stage.Logs.Lines, line => line.Event == "request.failed");
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task A_web_socket_passes_both_ways_and_closes_as_asked(bool http2, bool tls)
    {
        await using var backend = await HttpBackend.StartAsync(EchoAsync);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: tls ? new() : null);
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        using var socket = await ConnectAsync(stage, http2, deadline.Token);
        var buffer = new byte[128 * 1024];

        foreach (var size in new[] { 1, 125, 126, 70_000 })
        {
            await socket.SendAsync(new byte[size], WebSocketMessageType.Binary, endOfMessage: true, deadline.Token);
            var got = 0;
            ValueWebSocketReceiveResult part;
            do
            {
                part = await socket.ReceiveAsync(buffer.AsMemory(), deadline.Token);
                got += part.Count;
            }
            while (!part.EndOfMessage);
            Assert.Equal(size, got);
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "bye", deadline.Token);
        Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
        Assert.Equal("bye", socket.CloseStatusDescription);
        await Eventually.TrueAsync(() => stage.Load(0).Connections == 0);
    }

    [Fact]
    public async Task The_backend_may_speak_first_and_its_protocol_passes()
    {
        await using var backend = await HttpBackend.StartAsync(async context =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync(context.WebSockets.WebSocketRequestedProtocols[0]);
            await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, context.RequestAborted);
            await socket.ReceiveAsync(new byte[16], context.RequestAborted);
        });
        await using var stage = await HttpStage.StartAsync(backend);
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        using var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("chat");
        await socket.ConnectAsync(new($"ws://{stage.EndPoint}/x"), deadline.Token);

        Assert.Equal("chat", socket.SubProtocol);
        var buffer = new byte[16];
        var got = await socket.ReceiveAsync(buffer, deadline.Token);
        Assert.Equal("hello", Encoding.ASCII.GetString(buffer, 0, got.Count));
    }

    [Fact]
    public async Task A_refusal_of_the_upgrade_is_an_answer_like_any_other()
    {
        await using var backend = await HttpBackend.StartAsync(context =>
        {
            context.Response.StatusCode = 403;
            return context.Response.WriteAsync("no");
        });
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 403 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Either_sides_end_ends_the_other(bool clientFirst)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var backend = await HttpBackend.StartAsync(async context =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            if (!clientFirst)
            {
                await socket.ReceiveAsync(new byte[16], context.RequestAborted);
                context.Abort();
                return;
            }

            try
            {
                await socket.ReceiveAsync(new byte[16], context.RequestAborted);
            }
            catch (Exception e) when (e is WebSocketException or OperationCanceledException)
            {
                ended.SetResult();
            }
        });
        await using var stage = await HttpStage.StartAsync(backend);
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        using var socket = await ConnectAsync(stage, http2: false, deadline.Token);

        if (clientFirst)
        {
            socket.Abort();
            await ended.Task.WaitAsync(deadline.Token);
        }
        else
        {
            await socket.SendAsync("x"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, deadline.Token);
            await Assert.ThrowsAsync<WebSocketException>(() => socket.ReceiveAsync(new byte[16], deadline.Token));
        }

        await Eventually.TrueAsync(() => stage.Load(0).Connections == 0 && stage.Status.Connections == 0);
    }

    [Fact]
    public async Task A_web_socket_ends_when_its_backend_is_declared_down()
    {
        await using var backend = await HttpBackend.StartAsync(EchoAsync);
        await using var stage = await HttpStage.StartAsync(backend);
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        using var socket = await ConnectAsync(stage, http2: false, deadline.Token);

        stage.Report(0, healthy: false);

        await Assert.ThrowsAsync<WebSocketException>(() => socket.ReceiveAsync(new byte[16], deadline.Token));
        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
        Assert.Equal("backend_down", stage.Logs.Ends[0]["End"]);
    }

    private static async Task<ClientWebSocket> ConnectAsync(HttpStage stage, bool http2, CancellationToken cancellationToken)
    {
        var socket = new ClientWebSocket();
        if (http2)
        {
            socket.Options.HttpVersion = HttpVersion.Version20;
            socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        }

        using var handler = new SocketsHttpHandler { UseProxy = false, SslOptions = new() { RemoteCertificateValidationCallback = TestCertificates.Any } };
        await socket.ConnectAsync(new($"{(stage.Address.Scheme == "https" ? "wss" : "ws")}://{stage.EndPoint}/"), new HttpMessageInvoker(handler, disposeHandler: false), cancellationToken);
        return socket;
    }

    private static async Task EchoAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var part = await socket.ReceiveAsync(buffer.AsMemory(), context.RequestAborted);
            if (part.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseAsync(socket.CloseStatus!.Value, socket.CloseStatusDescription, context.RequestAborted);
                return;
            }

            await socket.SendAsync(buffer.AsMemory(0, part.Count), part.MessageType, part.EndOfMessage, context.RequestAborted);
        }
    }
}
