using System.Text;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

public sealed class PrefaceTests
{
    private const string Http2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    [Theory]
    [InlineData("", "Undecided")]
    [InlineData("P", "Undecided")]
    [InlineData("PR", "Undecided")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r", "Undecided")]
    [InlineData(Http2, "Http2")]
    [InlineData(Http2 + "frames", "Http2")]
    [InlineData("G", "Http1")]
    [InlineData("GET / HTTP/1.1\r\n", "Http1")]
    [InlineData("PO", "Http1")]
    [InlineData("PRINT / HTTP/1.1\r\nHost: h\r\n\r\n", "Http1")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "Http1")]
    [InlineData("\u0016\u0003\u0001", "Http1")]
    public void The_first_bytes_tell_the_version(string start, string preface) =>
        Assert.Equal(preface, Http2Preface.Read(Encoding.Latin1.GetBytes(start)).ToString());

    [Fact]
    public async Task A_preface_in_pieces_is_recognised()
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        foreach (var c in Http2)
        {
            await client.SendAsync(c.ToString());
        }

        // the head of a SETTINGS frame (RFC 9113 §4.1, §6.5)
        Assert.Equal('\u0004', (await client.ReadTextAsync(9))[3]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("PRI")]
    public async Task A_client_that_says_next_to_nothing_and_goes_is_no_fault(string start)
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        await client.SendAsync(start);

        client.FinishSending();

        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
        Assert.Equal("completed", stage.Logs.Ends[0]["End"]);
    }
}
