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
    [InlineData("POST / HTTP/9.9\r\nHost: a\r\n\r\n")]
    [InlineData("POST /\0 HTTP/1.1\r\nHost: a\r\n\r\n")]
    public async Task What_could_be_read_in_two_ways_is_not_read_at_all(string request)
    {
        using var backend = Backend();
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);

        var answers = await SendAsync(stage, request);

        Assert.Matches("^HTTP/1.1 (400|405|413|501|505) ", answers);
        Assert.DoesNotContain("smuggled", answers, StringComparison.Ordinal);
        Assert.DoesNotContain(backend.Requests, head => head.Contains("smuggled", StringComparison.Ordinal) || !head.Contains("Transfer-Encoding: chunked", StringComparison.Ordinal));
    }

    /// <summary>Taken, because it can only mean one thing: but what goes on is written anew, in the one form that everybody reads alike.</summary>
    [Theory]
    [InlineData("POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n")]
    [InlineData("POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n")]
    [InlineData("POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0;a=b\r\nX-Trailer: y\r\n\r\n")]
    [InlineData("POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n")]
    [InlineData("POST /first  HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST /first HTTP/1.1\nHost: a\nContent-Length: 0\n\n")]
    [InlineData("GET /first HTTP/1.1\r\nHost: a\r\nContent_Length: 36\r\n\r\n")]
    [InlineData("GET /first HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 0\r\n\r\n")]
    public async Task What_is_passed_on_is_one_request_that_everybody_reads_alike(string request)
    {
        using var backend = Backend();
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);

        var answers = await SendAsync(stage, request, "GET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");

        if (answers.StartsWith("HTTP/1.1 400 ", StringComparison.Ordinal))
        {
            Assert.Empty(backend.Requests);
            return;
        }

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
                await peer.ReadBodyAsync(5);
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
        }
        catch (System.Net.Sockets.SocketException)
        {
            // Let go with something unread.
        }

        await Eventually.TrueAsync(() => stage.Status.Connections == 0);
        return answers;
    }
}
