using System.Net;
using System.Net.Sockets;
using System.Text;
using Sentinel.Forwarding.Prefaces;

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
    public async Task A_preface_in_pieces_is_recognised_and_nothing_of_it_consumed()
    {
        var (client, server) = await PairAsync();
        using (client)
        using (server)
        {
            var reading = HttpPrefacePeek.ReadAsync(new SocketReceiver(server), TimeProvider.System, CancellationToken.None);
            foreach (var c in Http2)
            {
                await client.SendAsync(new[] { (byte)c });
            }

            Assert.Equal(HttpPreface.Http2, await reading);
            var buffer = new byte[64];
            Assert.Equal(Http2, Encoding.ASCII.GetString(buffer, 0, await server.ReceiveAsync(buffer)));
        }
    }

    [Fact]
    public async Task A_client_that_says_nothing_and_goes_is_undecided()
    {
        var (client, server) = await PairAsync();
        using (server)
        {
            client.Dispose();
            Assert.Equal(HttpPreface.Undecided, await HttpPrefacePeek.ReadAsync(new SocketReceiver(server), TimeProvider.System, CancellationToken.None));
        }
    }

    private static async Task<(Socket Client, Socket Server)> PairAsync()
    {
        using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listening.Bind(new IPEndPoint(Loopback.Next(), 0));
        listening.Listen();
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(listening.LocalEndPoint!);
        return (client, await listening.AcceptAsync());
    }
}
