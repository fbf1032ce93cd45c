using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>gRPC by its wire form: length-prefixed messages over HTTP/2 in cleartext, and the status in the trailers.</summary>
public sealed class GrpcTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Messages_stream_both_ways_and_the_status_comes_in_the_trailers(bool tls)
    {
        await using var backend = await HttpBackend.StartAsync(EchoAsync, HttpProtocols.Http2);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: tls ? new() : null);
        using var client = stage.Client(HttpVersion.Version20);
        var messages = new Pipe();
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        using var call = Call("/echo.Echo/Stream", messages.Reader);

        var calling = client.SendAsync(call, HttpCompletionOption.ResponseHeadersRead, deadline.Token);
        await messages.Writer.WriteAsync(Message("one"u8));
        using var answer = await calling;
        await using var body = await answer.Content.ReadAsStreamAsync(deadline.Token);
        Assert.Equal("one"u8.ToArray(), await ReadMessageAsync(body, deadline.Token));
        await messages.Writer.WriteAsync(Message("two"u8));
        Assert.Equal("two"u8.ToArray(), await ReadMessageAsync(body, deadline.Token));
        await messages.Writer.CompleteAsync();
        Assert.Null(await ReadMessageAsync(body, deadline.Token));

        Assert.Equal("application/grpc", answer.Content.Headers.ContentType!.MediaType);
        Assert.Equal("0", answer.TrailingHeaders.GetValues("grpc-status").Single());
        Assert.Equal("trailers", answer.TrailingHeaders.GetValues("te-seen").Single());
    }

    [Fact]
    public async Task A_call_that_fails_at_once_has_its_status_in_the_head()
    {
        await using var backend = await HttpBackend.StartAsync(
            context =>
            {
                context.Response.ContentType = "application/grpc";
                context.Response.Headers.GrpcStatus = "5";
                return Task.CompletedTask;
            },
            HttpProtocols.Http2);
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = stage.Client(HttpVersion.Version20);
        using var call = Call("/echo.Echo/None", content: new ByteArrayContent(Message("one"u8)));

        using var answer = await client.SendAsync(call);

        Assert.Equal("5", answer.Headers.GetValues("grpc-status").Single());
    }

    [Theory]
    [InlineData(false, "The server behind this address went away.")]
    [InlineData(true, "The server behind this address does not answer")]
    public async Task During_an_outage_a_call_is_unavailable_in_the_form_that_grpc_knows(bool refused, string message)
    {
        await using var stage = await HttpStage.StartAsync([new(Loopback.Next(), Loopback.FreePort())]);
        stage.Report(0, healthy: refused);
        using var client = stage.Client(HttpVersion.Version20);
        using var call = Call("/echo.Echo/Stream", content: new ByteArrayContent(Message("one"u8)));

        using var answer = await client.SendAsync(call);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("application/grpc", answer.Content.Headers.ContentType!.ToString());
        Assert.Equal("14", answer.Headers.GetValues("grpc-status").Single());
        Assert.StartsWith(message, answer.Headers.GetValues("grpc-message").Single(), StringComparison.Ordinal);
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync());
        Assert.Empty(answer.TrailingHeaders);
    }

    /// <summary>What one does to a connection, such as resetting calls on it until the backend has had enough, is no other client's trouble.</summary>
    [Fact]
    public async Task No_two_clients_share_a_connection_to_a_backend()
    {
        var connections = new ConcurrentDictionary<string, bool>();
        await using var backend = await HttpBackend.StartAsync(
            context =>
            {
                if (connections.TryAdd(context.Connection.Id, true))
                {
                    var id = context.Connection.Id;
                    context.Features.GetRequiredFeature<IConnectionLifetimeFeature>().ConnectionClosed.Register(() => connections[id] = false);
                }

                return EchoAsync(context);
            },
            HttpProtocols.Http2);
        await using var stage = await HttpStage.StartAsync(backend);
        using var stays = stage.Client(HttpVersion.Version20);
        var leaves = stage.Client(HttpVersion.Version20);
        foreach (var client in new[] { stays, leaves, stays, leaves })
        {
            using var call = Call("/echo.Echo/Stream", content: new ByteArrayContent(Message("one"u8)));
            using var answer = await client.SendAsync(call);
            Assert.Equal("0", answer.TrailingHeaders.GetValues("grpc-status").Single());
        }

        Assert.Equal([true, true], connections.Values);
        leaves.Dispose();
        await Eventually.TrueAsync(() => connections.Values.Count(isOpen => isOpen) == 1);
    }

    [Fact]
    public async Task A_call_waits_for_its_backend()
    {
        await using var backend = await HttpBackend.StartAsync(EchoAsync, HttpProtocols.Http2);
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { Hold = TimeSpan.FromMinutes(1) });
        stage.Report(0, healthy: false);
        using var client = stage.Client(HttpVersion.Version20);
        using var call = Call("/echo.Echo/Stream", content: new ByteArrayContent(Message("one"u8)));
        var calling = client.SendAsync(call);
        await Eventually.TrueAsync(() => stage.Status.Held == 1);

        stage.Report(0, healthy: true);

        using var answer = await calling;
        Assert.Equal(Message("one"u8), await answer.Content.ReadAsByteArrayAsync());
        Assert.Equal("0", answer.TrailingHeaders.GetValues("grpc-status").Single());
    }

    [Fact]
    public async Task A_call_in_the_middle_ends_when_its_backend_is_declared_down()
    {
        await using var backend = await HttpBackend.StartAsync(EchoAsync, HttpProtocols.Http2);
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = stage.Client(HttpVersion.Version20);
        var messages = new Pipe();
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        using var call = Call("/echo.Echo/Stream", messages.Reader);
        var calling = client.SendAsync(call, HttpCompletionOption.ResponseHeadersRead, deadline.Token);
        await messages.Writer.WriteAsync(Message("one"u8));
        using var answer = await calling;
        await using var body = await answer.Content.ReadAsStreamAsync(deadline.Token);
        await ReadMessageAsync(body, deadline.Token);

        stage.Report(0, healthy: false);

        await Assert.ThrowsAnyAsync<IOException>(() => ReadMessageAsync(body, deadline.Token));
    }

    private static HttpRequestMessage Call(string method, PipeReader? messages = null, HttpContent? content = null)
    {
        var call = new HttpRequestMessage(HttpMethod.Post, method)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content ?? new Live(messages!),
        };
        call.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        call.Headers.TE.Add(new("trailers"));
        return call;
    }

    private static byte[] Message(ReadOnlySpan<byte> payload)
    {
        var message = new byte[5 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), payload.Length);
        payload.CopyTo(message.AsSpan(5));
        return message;
    }

    private static async Task<byte[]?> ReadMessageAsync(Stream body, CancellationToken cancellationToken)
    {
        var head = new byte[5];
        if (await body.ReadAtLeastAsync(head, 5, throwOnEndOfStream: false, cancellationToken) == 0)
        {
            return null;
        }

        var payload = new byte[BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1))];
        await body.ReadExactlyAsync(payload, cancellationToken);
        return payload;
    }

    private static async Task EchoAsync(HttpContext context)
    {
        context.Response.ContentType = "application/grpc";
        context.Response.DeclareTrailer("grpc-status");
        while (await ReadMessageAsync(context.Request.Body, context.RequestAborted) is { } payload)
        {
            await context.Response.Body.WriteAsync(Message(payload), context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
        }

        context.Response.AppendTrailer("grpc-status", "0");
        context.Response.AppendTrailer("te-seen", context.Request.Headers.TE);
    }
}
