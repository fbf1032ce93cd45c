using System.Net;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>What is alive while much passes. Alone: what other tests have alive would count too.</summary>
[Collection("memory")]
public sealed class MemoryTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_large_body_passes_up_and_down_in_flat_memory(bool http2)
    {
        const int Size = 64 * 1024 * 1024;
        await using var backend = await HttpBackend.StartAsync(context => context.Request.Body.CopyToAsync(context.Response.Body));
        await using var stage = await HttpStage.StartAsync(backend);
        await PassAsync(1024 * 1024, () => { });
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var most = 0L;

        await PassAsync(Size, () => most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true)));

        // What is alive at once, client and backend of the test included, is buffers: far less than what passes.
        Assert.InRange(most - before, long.MinValue, Size / 8);

        Task PassAsync(int size, Action now) => http2 ? PassHttp2Async(stage, size, now) : PassHttp1Async(stage, size, now);
    }

    // HttpClient would send all of it before it looked at the answer.
    private static async Task PassHttp1Async(HttpStage stage, int size, Action now)
    {
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n");
        var sending = Task.Run(async () =>
        {
            var piece = new byte[64 * 1024];
            for (var sent = 0; sent < size; sent += piece.Length)
            {
                await client.SendAsync(piece);
            }
        });
        await client.ReadHeadAsync();
        var (total, told) = (0, 0);
        while (await client.ReadChunkAsync() is { Length: > 0 and var n })
        {
            total += n;
            if (total - told > size / 8)
            {
                told = total;
                now();
            }
        }

        await sending;
        Assert.Equal(size, total);
    }

    private static async Task PassHttp2Async(HttpStage stage, int size, Action now)
    {
        using var client = stage.Client(HttpVersion.Version20);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/") { Content = new Zeros(size), Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await using var body = await answer.Content.ReadAsStreamAsync();
        var buffer = new byte[64 * 1024];
        var (total, told) = (0, 0);
        int n;
        while ((n = await body.ReadAsync(buffer)) > 0)
        {
            total += n;
            if (total - told > size / 8)
            {
                told = total;
                now();
            }
        }

        Assert.Equal(size, total);
    }

    private sealed class Zeros(int size) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            var piece = new byte[64 * 1024];
            for (var sent = 0; sent < size; sent += piece.Length)
            {
                await stream.WriteAsync(piece);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = size;
            return true;
        }
    }
}
