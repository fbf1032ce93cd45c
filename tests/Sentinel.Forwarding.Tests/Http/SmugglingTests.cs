using System.Text;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>
/// Requests that two servers could cut apart at different places. Whatever of them reaches a backend must be one request
/// that nobody can read otherwise, and the client must be let go after it was told.
/// </summary>
public sealed class SmugglingTests
{
    private const string Smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

    /// <summary>Refused: nothing reaches the backend.</summary>
    [Theory]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 36\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 36\r\nContent-Length: 36\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 36\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x24\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3 6\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +36\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 36\0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \v36\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0000000000000000000000000036\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: deflate;q=1, chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked,\r\n\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;x=1\r\n\r\n0\r\n\r\n")]
    [InlineData("POST /a\rX:y HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST /a\tb HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST /a\u0001b HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST /?a\u001bb HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST /a\u007f HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST http://a/b\tc HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("POST http://a/b#c HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nX\"y: 1\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\n Content-Length: 36\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nX: a\r\n Transfer-Encoding: chunked\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a b\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1 \r\nHost: a\r\n\r\n")]
    [InlineData("POST /\0 HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX-Content-Length: 4\r\n\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\nHost: a\nContent-Length: 0\n\n")]
    [InlineData("POST / HTTP/1.1\nHost: a\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\nhello\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a\n=b\r\nhello\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: y\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: y\nX: z\r\n\r\n")]
    public async Task What_could_be_read_in_two_ways_is_not_read_at_all(string request)
    {
        using var backend = Backend();
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);

        var answers = await SendAsync(stage, request);

        Assert.StartsWith("HTTP/1.1 400 ", answers, StringComparison.Ordinal);
        Assert.Single(answers.Split('\n'), line => line.StartsWith("HTTP/", StringComparison.Ordinal));
        Assert.DoesNotContain(backend.Requests, head => head.Contains("smuggled", StringComparison.Ordinal) || !head.Contains("Transfer-Encoding: chunked", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_version_that_nobody_speaks_is_refused()
    {
        using var backend = Backend();
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);

        Assert.StartsWith("HTTP/1.1 505 ", await SendAsync(stage, "POST / HTTP/9.9\r\nHost: a\r\n\r\n"), StringComparison.Ordinal);
        Assert.Empty(backend.Requests);
    }

    [Fact]
    public async Task Two_ways_to_read_a_body_are_refused_over_tls_as_well()
    {
        using var backend = Backend();
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: new("a"));
        await using var client = await stage.ConnectTlsAsync("a");

        await client.WriteAsync(Encoding.ASCII.GetBytes($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{Smuggled}"));
        var answers = await new StreamReader(client, Encoding.ASCII).ReadToEndAsync().WaitAsync(Eventually.Patience, TimeProvider.System);

        Assert.StartsWith("HTTP/1.1 400 ", answers, StringComparison.Ordinal);
        Assert.Contains("\r\nConnection: close\r\n", answers, StringComparison.Ordinal);
        Assert.Empty(backend.Requests);
    }

    /// <summary>Taken, because it can only mean one thing: but what goes on is written anew, in the one form that everybody reads alike.</summary>
    [Theory]
    [InlineData("POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n")]
    [InlineData("POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0;a=b\r\nX-Trailer: y\r\n\r\n")]
    [InlineData("POST /first  HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("GET /first HTTP/1.1\r\nHost: a\r\nContent_Length: 36\r\n\r\n")]
    [InlineData("GET /first HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 0\r\n\r\n")]
    public async Task What_is_passed_on_is_one_request_that_everybody_reads_alike(string request)
    {
        using var backend = Backend();
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);

        await SendAsync(stage, request, "GET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");

        // What the client meant as a second request arrives as one, or not at all; nothing of it is another's body.
        Assert.All(backend.Requests, head =>
        {
            Assert.Matches("^(GET|POST) /(first|second) HTTP/1.1\r\n", head);
            var fields = head.Split("\r\n")[1..];
            var lengths = fields.Count(field => field.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
            var codings = fields.Count(field => field.StartsWith("Transfer-Encoding:", StringComparison.OrdinalIgnoreCase));
            Assert.True(lengths + codings <= 1, head);
            Assert.DoesNotContain(fields, field => field.Contains('\n', StringComparison.Ordinal));
        });
        Assert.Single(backend.Requests, head => head.Contains("/first", StringComparison.Ordinal));
    }

    /// <summary>Reads whatever comes as it is framed, keeps the heads, and answers each request.</summary>
    private static ScriptedBackend Backend() => new(async peer =>
    {
        while (await peer.ReadHeadAsync() is { } head)
        {
            if (head.Contains("Transfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase))
            {
                for (var body = ""; !(body.Contains("0\r\n", StringComparison.Ordinal) && body.EndsWith("\r\n\r\n", StringComparison.Ordinal));)
                {
                    var more = await peer.ReadBodyAsync(1);
                    if (more.Length == 0)
                    {
                        return;
                    }

                    body += more;
                }
            }

            await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });

    private static async Task<string> SendAsync(HttpStage stage, string request, string next = Smuggled)
    {
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        await client.SendAsync(request + next);
        var answers = "";
        try
        {
            while (await client.ReadLineAsync() is { } line)
            {
                answers += line + "\n";
            }

            client.FinishSending();
        }
        catch (System.Net.Sockets.SocketException)
        {
            // Let go with something unread.
        }

        await Eventually.TrueAsync(() => stage.Status.Connections == 0);
        return answers;
    }
}
