using System.Buffers.Binary;
using System.Text;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>Requests of HTTP/2 that would be something else once they are written as HTTP/1.1: none reaches a backend.</summary>
public sealed class Http2SmugglingTests
{
    private const byte Data = 0;
    private const byte Headers = 1;
    private const byte Reset = 3;
    private const byte Settings = 4;
    private const byte GoAway = 7;
    private const byte EndStream = 1;
    private const byte EndHeaders = 4;

    // The static table has ":status" with 200 in its eighth place, with 400 in its twelfth (RFC 7541, Appendix A).
    private const byte Status200 = 0x88;
    private const byte Status400 = 0x8c;

    private const string Smuggled = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: internal\r\n\r\n";

    [Theory]
    [InlineData("x: 1\r\ntransfer-encoding", "chunked")]
    [InlineData("x: 1\r\nx-forwarded-for", "192.0.2.1")]
    [InlineData("x\r\ny", "1")]
    [InlineData("x\ny", "1")]
    [InlineData("x\0y", "1")]
    [InlineData("x y", "1")]
    [InlineData("x:y", "1")]
    [InlineData("x\ty", "1")]
    [InlineData("x\u00e9", "1")]
    [InlineData("", "1")]
    [InlineData("X-Upper", "1")]
    [InlineData("x", "1\r\ntransfer-encoding: chunked")]
    [InlineData("x", "1\ny: 2")]
    [InlineData("x", "1\0")]
    [InlineData("transfer-encoding", "chunked")]
    [InlineData("connection", "x")]
    [InlineData(":x", "1")]
    [InlineData(":path", "/other")]
    [InlineData("content-length", "+47")]
    [InlineData("content-length", "47\0")]
    [InlineData("content-length", "4")]
    public async Task A_field_is_one_field_or_none(string name, string value) => await NothingArrivesAsync("/first", name, value);

    [Theory]
    [InlineData("/first HTTP/1.1\r\nX: 1")]
    [InlineData("/a b")]
    [InlineData("/a\tb")]
    [InlineData("/a\u0001b")]
    [InlineData("/a\u007fb")]
    [InlineData("/a\0b")]
    [InlineData("/?a b")]
    [InlineData("a")]
    [InlineData("")]
    public async Task A_target_is_one_word(string path) => await NothingArrivesAsync(path, "x", "1");

    [Theory]
    [InlineData("/a", "/a")]
    [InlineData("/\u00c3\u00a9", "/%C3%A9")]
    [InlineData("/a?\u00c3\u00a9", "/a?%C3%A9")]
    public async Task Of_the_same_frames_what_means_one_thing_arrives_as_a_URI_has_it(string path, string target)
    {
        using var backend = Backend();
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);

        Assert.Equal(Status200, await AskAsync(stage, path, "x-ok", "1"));
        Assert.StartsWith($"POST {target} HTTP/1.1\r\n", backend.Requests[0], StringComparison.Ordinal);
    }

    private static async Task NothingArrivesAsync(string path, string name, string value)
    {
        using var backend = Backend();
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);

        Assert.True(await AskAsync(stage, path, name, value) is Status400 or Reset or GoAway);
        Assert.Empty(backend.Requests);
    }

    private static ScriptedBackend Backend() => new(async peer =>
    {
        while (await peer.ReadHeadAsync() is not null)
        {
            await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });

    /// <returns>The first byte of the answer's fields, which is its status; or the kind of frame by which the stream or the connection ended.</returns>
    private static async Task<byte> AskAsync(HttpStage stage, string path, string name, string value)
    {
        await using var client = await stage.ConnectAsync();
        await client.WriteAsync(Encoding.Latin1.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
        await SendAsync(client, Settings, 0, 0, []);
        await SendAsync(client, Headers, EndHeaders, 1, [
            .. Field(":method", "POST"), .. Field(":scheme", "http"), .. Field(":path", path), .. Field(":authority", "a"), .. Field(name, value)]);
        await SendAsync(client, Data, EndStream, 1, Encoding.Latin1.GetBytes(Smuggled));
        var head = new byte[9];
        while (true)
        {
            try
            {
                await client.ReadExactlyAsync(head).AsTask().WaitAsync(Eventually.Patience, TimeProvider.System);
            }
            catch (IOException)
            {
                return GoAway;
            }

            var body = new byte[BinaryPrimitives.ReadInt32BigEndian(head) >> 8];
            await client.ReadExactlyAsync(body);
            if (head[3] is Headers or Reset or GoAway)
            {
                return head[3] == Headers ? body[0] : head[3];
            }
        }
    }

    private static async Task SendAsync(Stream client, byte kind, byte flags, byte stream, byte[] body)
    {
        try
        {
            await client.WriteAsync((byte[])[0, (byte)(body.Length >> 8), (byte)body.Length, kind, flags, 0, 0, 0, stream, .. body]);
        }
        catch (IOException)
        {
            // refused already
        }
    }

    // a literal, never indexed (RFC 7541 §6.2.3)
    private static byte[] Field(string name, string value) =>
        [0x10, (byte)name.Length, .. Encoding.Latin1.GetBytes(name), (byte)value.Length, .. Encoding.Latin1.GetBytes(value)];
}
