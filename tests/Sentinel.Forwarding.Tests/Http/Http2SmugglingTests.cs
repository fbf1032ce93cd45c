using System.Net.Security;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>Requests of HTTP/2 that would be something else once they are written as HTTP/1.1: none reaches a backend.</summary>
public sealed class Http2SmugglingTests
{
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
    [InlineData("/a#b")]
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

        Assert.Equal(RawHttp2Client.Status200, await AskAsync(stage, path, "x-ok", "1"));
        Assert.StartsWith($"POST {target} HTTP/1.1\r\n", backend.Requests[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "http", true)]
    [InlineData(false, "https", true)]
    [InlineData(true, "http", true)]
    [InlineData(true, "https", true)]
    [InlineData(true, "HTTPS", true)]
    [InlineData(false, "ftp", false)]
    [InlineData(true, "ftp", false)]
    [InlineData(true, "x\r\ny", false)]
    public async Task The_scheme_is_the_connections_whatever_a_client_says(bool tls, string scheme, bool passes)
    {
        using var backend = Backend();
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: tls ? new("a") : null);
        await using var client = new RawHttp2Client(tls ? await stage.ConnectTlsAsync("a", SslApplicationProtocol.Http2) : await stage.ConnectAsync());

        await client.BeginAsync();
        await client.SendFieldsAsync(isLast: true, (":method", "GET"), (":scheme", scheme), (":path", "/"), (":authority", "a"));

        var answer = await client.ReadAnswerAsync();
        if (!passes)
        {
            Assert.True(answer is RawHttp2Client.Status400 or RawHttp2Client.Reset or RawHttp2Client.GoAway);
            Assert.Empty(backend.Requests);
            return;
        }

        var proto = tls ? "https" : "http";
        Assert.Equal(RawHttp2Client.Status200, answer);
        Assert.StartsWith("GET / HTTP/1.1\r\nHost: a\r\n", backend.Requests[0], StringComparison.Ordinal);
        Assert.EndsWith($"\r\nX-Forwarded-Proto: {proto}\r\nX-Forwarded-Host: a\r\nForwarded: for=127.0.0.1;host=a;proto={proto}", backend.Requests[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_names_no_host_has_none()
    {
        using var backend = Backend();
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        await using var client = new RawHttp2Client(await stage.ConnectAsync());

        await client.BeginAsync();
        await client.SendFieldsAsync(isLast: true, (":method", "GET"), (":scheme", "http"), (":path", "/"));

        Assert.Equal(RawHttp2Client.Status200, await client.ReadAnswerAsync());
        Assert.Equal("GET / HTTP/1.1\r\nHost: \r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nForwarded: for=127.0.0.1;proto=http", backend.Requests[0]);
    }

    private static async Task NothingArrivesAsync(string path, string name, string value)
    {
        using var backend = Backend();
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);

        Assert.True(await AskAsync(stage, path, name, value) is RawHttp2Client.Status400 or RawHttp2Client.Reset or RawHttp2Client.GoAway);
        Assert.Empty(backend.Requests);
    }

    private static ScriptedBackend Backend() => new(async peer =>
    {
        while (await peer.ReadHeadAsync() is not null)
        {
            await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });

    private static async Task<byte> AskAsync(HttpStage stage, string path, string name, string value)
    {
        await using var client = new RawHttp2Client(await stage.ConnectAsync());
        await client.BeginAsync();
        await client.SendFieldsAsync(isLast: false, (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "a"), (name, value));
        await client.SendDataAsync(isLast: true, Smuggled);
        return await client.ReadAnswerAsync();
    }
}
