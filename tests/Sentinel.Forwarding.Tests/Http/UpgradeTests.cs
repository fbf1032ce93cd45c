using System.Text;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>Protocols that begin as HTTP and go on as something else, as Docker's streams do: raw bytes on both sides.</summary>
public sealed class UpgradeTests
{
    private const string Ask = "POST /attach HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    private const string Switch = "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/raw\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

    [Fact]
    public async Task Whatever_protocol_both_sides_agree_on_passes()
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync(Switch + "first");
            await peer.SendAsync("<" + await peer.ReadBodyAsync(5) + ">");
            await peer.ReadBodyAsync(1);
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(Ask);
        var head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 101 ", head, StringComparison.Ordinal);
        Assert.Contains("\nConnection: Upgrade\n", head, StringComparison.Ordinal);
        Assert.Contains("\nUpgrade: tcp\n", head, StringComparison.Ordinal);
        Assert.Contains("\nContent-Type: application/raw\n", head, StringComparison.Ordinal);
        Assert.Equal("first", await client.ReadTextAsync(5));
        await client.SendAsync("\0\r\n\x1f\xff");
        Assert.Equal("<\0\r\n\x1f\xff>", await client.ReadTextAsync(7));

        Assert.Contains("\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n", backend.Requests[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_has_said_all_still_hears_the_other_out(bool toBackendOverTls)
    {
        const int Length = 4 << 20;
        using var backend = new ScriptedBackend(
            async peer =>
            {
                await peer.ReadHeadAsync();
                await peer.SendAsync(Switch);
                var heard = await peer.ReadBodyAsync(int.MaxValue);
                await peer.SendAsync($"{heard.Length:d8}{new string('x', Length)}");
            },
            certificate: toBackendOverTls ? TestCertificates.Make("h") : null);
        await using var stage = await HttpStage.StartAsync(
            [backend.EndPoint], plain => plain with { UpstreamTls = toBackendOverTls ? new(Verify: false) : null });
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(Ask);
        await client.ReadHeadAsync();
        await client.SendAsync(new byte[Length]);
        client.FinishSending();

        Assert.Equal($"{Length:d8}", await client.ReadTextAsync(8));
        Assert.Equal(Length, (await client.ReadToEndAsync()).Length);
        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
        Assert.Equal("completed", stage.Logs.Ends[0]["End"]);
    }

    [Fact]
    public async Task Who_has_said_all_over_tls_still_hears_the_other_out()
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync(Switch);
            await peer.SendAsync("<" + await peer.ReadBodyAsync(int.MaxValue) + ">");
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: new());
        await using var client = await stage.ConnectTlsAsync("h");
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);

        await client.WriteAsync(Encoding.ASCII.GetBytes(Ask), deadline.Token);
        var head = await ReadAsync(client, "\r\n\r\n", deadline.Token);
        await client.WriteAsync("all"u8.ToArray(), deadline.Token);
        await client.ShutdownAsync();

        Assert.StartsWith("HTTP/1.1 101 ", head, StringComparison.Ordinal);
        Assert.Equal("<all>", await ReadAsync(client, ">", deadline.Token));
        Assert.Equal(0, await client.ReadAsync(new byte[1], deadline.Token));
    }

    [Fact]
    public async Task A_backend_that_has_said_all_still_hears_its_client_out()
    {
        var heard = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync(Switch + "all");
            peer.FinishSending();
            heard.SetResult(await peer.ReadBodyAsync(int.MaxValue));
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(Ask);
        await client.ReadHeadAsync();
        Assert.Equal("all", await client.ReadToEndAsync());
        await client.SendAsync("and I");
        client.FinishSending();

        Assert.Equal("and I", await heard.Task.WaitAsync(Eventually.Patience, TimeProvider.System));
        await Eventually.TrueAsync(() => stage.Status.Connections == 0);
    }

    [Theory]
    [InlineData(true, "client_reset")]
    [InlineData(false, "backend_reset")]
    public async Task Who_breaks_off_breaks_the_other_off(bool isClient, string end)
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync(Switch);
            if (!isClient)
            {
                await peer.ReadBodyAsync(1);
                peer.Reset();
                return;
            }

            await peer.ReadBodyAsync(int.MaxValue);
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(Ask);
        await client.ReadHeadAsync();
        if (isClient)
        {
            client.Reset();
        }
        else
        {
            await client.SendAsync("x");
            Assert.Equal("reset", await client.HowItEndsAsync());
        }

        await Eventually.TrueAsync(() => backend.Closed == 1 && stage.Logs.Ends.Count == 1);
        Assert.Equal(end, stage.Logs.Ends[0]["End"]);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "Upgrade")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "close, Upgrade")]
    [InlineData("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "close, Upgrade")]
    public async Task Who_must_ask_for_another_protocol_is_told_for_which(string request, string connection)
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            while (await peer.ReadHeadAsync() is not null)
            {
                await peer.SendAsync("HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\nUpgrade: HTTP/3.0\r\nContent-Length: 2\r\n\r\nno");
            }
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(request);
        var (head, body) = await client.ReadAnswerAsync();
        Assert.Contains("\nUpgrade: HTTP/3.0\n", head, StringComparison.Ordinal);
        Assert.Contains($"\nConnection: {connection}\n", head, StringComparison.Ordinal);
        Assert.Equal("no", body);
        if (connection == "Upgrade")
        {
            await client.SendAsync(request);
            Assert.Equal("no", (await client.ReadAnswerAsync()).Body);
        }
        else
        {
            Assert.Equal("end", await client.HowItEndsAsync());
        }
    }

    /// <summary>It would carry requests past all that the sentinel does for one.</summary>
    [Theory]
    [InlineData("h2c", null)]
    [InlineData("H2C, HTTP/2.0", null)]
    [InlineData("h2c, websocket", "websocket")]
    [InlineData("\" h2c\"", null)]
    [InlineData("\"x,h2c\"", null)]
    [InlineData("\",HTTP/2.0\", foo/1.0", "foo/1.0")]
    [InlineData("x h2c, /h2c, x/, websocket", "websocket")]
    public async Task Http_in_another_form_is_not_asked_for(string asked, string? passed)
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            while (await peer.ReadHeadAsync() is not null)
            {
                await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync($"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {asked}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n");

        Assert.Equal("ok", (await client.ReadAnswerAsync()).Body);
        Assert.DoesNotContain("h2c", backend.Requests[0], StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("HTTP2-Settings", backend.Requests[0], StringComparison.OrdinalIgnoreCase);
        Assert.Equal(passed is not null, backend.Requests[0].Contains($"\r\nUpgrade: {passed}\r\n", StringComparison.Ordinal));
    }

    private static async Task<string> ReadAsync(Stream stream, string end, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        var one = new byte[1];
        while (!text.ToString().EndsWith(end, StringComparison.Ordinal))
        {
            await stream.ReadExactlyAsync(one, cancellationToken);
            text.Append((char)one[0]);
        }

        return text.ToString();
    }
}
