using System.Text;
using Sentinel.Forwarding.Http.Door;

namespace Sentinel.Forwarding.Tests.Http.Door;

/// <summary>Which requests are plain.</summary>
public sealed class PlainHeadTests
{
    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("HEAD /a/b.c?x=%41&y=a/../b[0]{1}\"<>\\^`| HTTP/1.1\r\nHost: h.example:8080\r\n\r\n")]
    [InlineData("GET //a;b=c,d/~e:f@g!$&'()*+=-._ HTTP/1.1\r\nHOST: 127.0.0.1\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost:h\r\nAccept:\r\nX-Odd: \t a\tb \t\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nX: y\r\nX: z\r\nHost: h\r\nConnection: Keep-Alive\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nCookie: a=b; c=d\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: ")]
    public void What_everybody_reads_alike_is_plain(string request) => Assert.True(Read(request).IsPlain);

    [Theory]
    [InlineData("")]
    [InlineData("G")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\n\r")]
    [InlineData("GET / HTTP/1.1\n\nHost: h\r\n\r\n")]
    [InlineData("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\nHost: h\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\rHost: h\r\n\r\n")]
    [InlineData("GET / HTTP/1.0\r\nHost: h\r\n\r\n")]
    [InlineData("GET / HTTP/1.2\r\nHost: h\r\n\r\n")]
    [InlineData("GET / http/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET /\r\nHost: h\r\n\r\n")]
    [InlineData("GET / \r\nHost: h\r\n\r\n")]
    [InlineData("GET /HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET  / HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET /  HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET / HTTP/1.1 \r\nHost: h\r\n\r\n")]
    [InlineData("GET / x HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("get / HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("DELETE / HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]
    [InlineData("GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET a HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET /%61 HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET /a/../b HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET /./b HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET /.well-known/acme-challenge/x HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET /a\\b HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET /?a#b HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET /?\u00e9 HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET /?\u007f HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET /?\0 HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nX: y\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost:\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: u@h\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h/\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h:\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: :80\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h:8x\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h:808080\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost : h\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\n Host: h\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\n X: y\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\n\tfolded\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\n: y\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nX y: z\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nX_Y: z\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nX: a\u001bb\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nX: \u00e9\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\ncontent-length: 0\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nTransfer-encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nTrailer: x\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nHTTP2-Settings: x\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, x\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nConnection:\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nContent-Type: Application/GRPC+proto\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nCookie: a\r\nCookie: b\r\n\r\n")]
    public void What_anybody_might_read_otherwise_or_wants_more_is_not(string request) => Assert.False(Read(request).IsPlain);

    [Fact]
    public void What_is_long_is_not()
    {
        Assert.True(Read($"GET /{new string('a', 1000)}?{new string('b', 10_000)} HTTP/1.1\r\nHost: h\r\n\r\n").IsPlain);
        Assert.False(Read($"GET /{new string('a', 1024)} HTTP/1.1\r\nHost: h\r\n\r\n").IsPlain);
        Assert.False(Read($"GET /?{new string('b', PlainHead.Longest)} HTTP/1.1\r\nHost: h\r\n\r\n").IsPlain);
        Assert.True(Read($"GET / HTTP/1.1\r\nHost: h\r\n{string.Concat(Enumerable.Repeat("X: y\r\n", 99))}\r\n").IsPlain);
        Assert.False(Read($"GET / HTTP/1.1\r\nHost: h\r\n{string.Concat(Enumerable.Repeat("X: y\r\n", 100))}\r\n").IsPlain);
        Assert.False(Read($"GET / HTTP/1.1\r\nHost: h\r\n{new string('X', 65)}: y\r\n\r\n").IsPlain);
        Assert.False(Read($"GET / HTTP/1.1\r\nHost: {new string('h', 256)}\r\n\r\n").IsPlain);
    }

    [Fact]
    public void What_is_for_one_hop_or_claimed_does_not_pass_and_everything_else_does_as_it_was_written()
    {
        var (isPlain, head) = Read(
            "GET /a?b HTTP/1.1\r\nuser-AGENT:  x \r\nhost: H\r\nConnection: keep-alive\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nUpgrade-Insecure-Requests: 1\r\n"
            + "X-Forwarded-For: 6.6.6.6\r\nforwarded: for=6.6.6.6\r\nx-real-ip: 6.6.6.6\r\nX-Forwarding: y\r\nA:b\r\n\r\nrest");

        Assert.True(isPlain);
        Assert.Equal(
            "GET /a?b HTTP/1.1\r\nuser-AGENT: x\r\nhost: H\r\nUpgrade-Insecure-Requests: 1\r\nX-Forwarding: y\r\nA: b\r\n"
            + "X-Forwarded-For: 127.1.2.3\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: H\r\nForwarded: for=127.1.2.3;host=H;proto=https\r\n\r\n",
            head);
    }

    /// <summary>Whether it is plain, and how it goes on if so.</summary>
    internal static (bool IsPlain, string Head) Read(string request)
    {
        var head = new PlainHead("127.1.2.3", "https");
        return head.TryRead(Encoding.Latin1.GetBytes(request)) ? (true, Encoding.Latin1.GetString(head.Head(new()).Span)) : (false, "");
    }
}
