using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http.Door;

/// <summary>Clients and backends that leave, stall or break off while the door has their request, and what that leaves behind.</summary>
public sealed class DoorEndTests
{
    private const int Size = 64 * 1024 * 1024;
    private const string Plain = "GET /plain HTTP/1.1\r\nHost: h\r\n\r\n";

    [Fact]
    public async Task Who_reads_slowly_slows_his_backend_down()
    {
        var answer = new LongAnswer();
        using var backend = new ScriptedBackend(answer.SendAsync);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(Plain);
        await answer.StalledAsync();

        // what is on its way is with the system
        Assert.InRange(answer.Sent, 1, Size / 2);
        await client.ReadHeadAsync();
        for (var left = Size; left > 0; left -= 1024 * 1024)
        {
            Assert.Equal(1024 * 1024, (await client.ReadTextAsync(1024 * 1024)).Length);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_reads_nothing_and_says_that_he_sends_no_more_has_gone(bool tls)
    {
        var answer = new LongAnswer();
        using var backend = new ScriptedBackend(answer.SendAsync);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: tls ? new("h") : null);
        await using var plain = await stage.ConnectAsync();
        await using var client = tls ? await stage.ConnectTlsAsync("h", plain) : (Stream)plain;
        await client.WriteAsync(Encoding.Latin1.GetBytes(Plain));
        await answer.StalledAsync();

        plain.Socket.Shutdown(SocketShutdown.Send);

        await Eventually.TrueAsync(() => backend.Closed == 1 && stage.Load(0).Connections == 0 && stage.Logs.Ends.Count == 1);
        Assert.DoesNotContain(stage.Logs.Lines, line => line.Level >= LogLevel.Error);
    }

    [Fact]
    public async Task An_answer_that_breaks_off_within_TLS_is_no_fault_of_ours()
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok!\r\n");
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: new("h"));
        await using var client = await stage.ConnectTlsAsync("h");

        await client.WriteAsync(Encoding.Latin1.GetBytes(Plain));

        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
        Assert.Equal("backend_reset", stage.Logs.Ends[0]["End"]);
        Assert.DoesNotContain(stage.Logs.Lines, line => line.Level >= LogLevel.Error);
    }

    [Fact]
    public async Task What_was_begun_of_a_request_is_no_other_requests()
    {
        using var goOn = new SemaphoreSlim(0);
        using var leave = new SemaphoreSlim(0);
        using var backend = new ScriptedBackend(async peer =>
        {
            while (await peer.ReadHeadAsync() is { } head)
            {
                if (head.Contains("/plain", StringComparison.Ordinal))
                {
                    await leave.WaitAsync();
                    return;
                }

                await goOn.WaitAsync();
                await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], settings => settings with { MaxConnections = 2, MaxRequestBody = 1 });
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        using var other = await RawClient.ConnectAsync(stage.EndPoint);
        await other.SendAsync("GET /long HTTP/1.1\r\nHost: h\r\n\r\n");
        await client.SendAsync(Plain);
        await Eventually.TrueAsync(() => backend.Requests.Count == 2);

        // Left by its backend, it goes to Kestrel, and there is no room any more.
        Assert.Empty(await stage.ReloadAsync(stage.Settings with { MaxConnections = 1 }));
        leave.Release();
        Assert.StartsWith("HTTP/1.1 503 ", (await client.ReadAnswerAsync()).Head, StringComparison.Ordinal);
        goOn.Release();
        await other.ReadAnswerAsync();

        await client.SendAsync("POST /next HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nxx");
        Assert.StartsWith("HTTP/1.1 413 ", (await client.ReadAnswerAsync()).Head, StringComparison.Ordinal);
    }

    /// <summary>An answer that is sent as fast as it is taken.</summary>
    private sealed class LongAnswer
    {
        private int _sent;
        private int _seen;

        public int Sent => Volatile.Read(ref _sent);

        public async Task SendAsync(ScriptedBackend.Peer peer)
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Size}\r\n\r\n");
            var piece = new string('x', 64 * 1024);
            for (; _sent < Size; Interlocked.Add(ref _sent, piece.Length))
            {
                await peer.SendAsync(piece);
            }
        }

        /// <summary>Some was taken, and between two looks nothing more.</summary>
        public Task StalledAsync() => Eventually.TrueAsync(() =>
        {
            var before = _seen;
            _seen = Sent;
            return before > 0 && before == _seen;
        });
    }
}
