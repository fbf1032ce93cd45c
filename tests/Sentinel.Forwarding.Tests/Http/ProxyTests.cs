using System.Net;
using Microsoft.AspNetCore.Http;
using Sentinel.Backends;
using Sentinel.Testing;
using OwnLoopback = Sentinel.Forwarding.Tests.Kit.Loopback;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>PROXY headers in front of HTTP.</summary>
public sealed class ProxyTests
{
    private const string Header = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\n";
    private const string Ask = "GET / HTTP/1.1\r\nHost: here\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n";

    private static readonly EquatableList<IPNetwork> Proxies = [IPNetwork.Parse("127.21.0.0/16")];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_client_of_the_header_is_the_client(bool http2)
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { AcceptProxyProtocolFrom = Proxies, Http2 = http2 });
        using var client = await RawClient.ConnectAsync(stage.EndPoint, OwnLoopback.Next());
        foreach (var piece in new[] { Header[..9], Header[9..], Ask[..3], Ask[3..] })
        {
            await client.SendAsync(piece);
        }

        await client.ReadHeadAsync();
        var answer = await client.ReadToEndAsync();
        Assert.Contains("X-Forwarded-For: 192.0.2.7\n", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("6.6.6.6", answer, StringComparison.Ordinal);
        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
        Assert.Equal("192.0.2.7:4711", stage.Logs.Ends[0]["Client"]);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: here\r\n\r\n")]
    [InlineData("PROXY TCP4 192.0.2.7")]
    [InlineData("")]
    public async Task Without_a_whole_header_in_time_the_connection_is_closed(string start)
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { AcceptProxyProtocolFrom = Proxies, HeaderTimeout = TimeSpan.FromMilliseconds(200) });
        using var client = await RawClient.ConnectAsync(stage.EndPoint, OwnLoopback.Next());
        await client.SendAsync(start);

        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
        Assert.Equal(("bad_preface", 0), (stage.Logs.Ends[0]["End"], stage.Status.Connections));
    }

    [Fact]
    public async Task From_anybody_else_a_header_is_no_request()
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { AcceptProxyProtocolFrom = Proxies });
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        await client.SendAsync(Header + Ask);

        Assert.StartsWith("HTTP/1.1 400 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Limits_count_whom_the_header_names()
    {
        var goOn = new TaskCompletionSource();
        await using var backend = await HttpBackend.StartAsync(async context =>
        {
            await goOn.Task;
            await context.Response.WriteAsync("done");
        });
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { AcceptProxyProtocolFrom = Proxies, MaxConnectionsPerClient = 1 });
        using var first = await RawClient.ConnectAsync(stage.EndPoint, OwnLoopback.Next());
        await first.SendAsync(Header + Ask);
        await Eventually.TrueAsync(() => stage.Load(0).Connections == 1);
        using var second = await RawClient.ConnectAsync(stage.EndPoint, OwnLoopback.Next());
        await second.SendAsync(Header);
        await Eventually.TrueAsync(() => stage.Status is { Connections: 1, Refused: 1 });
        using var other = await RawClient.ConnectAsync(stage.EndPoint, OwnLoopback.Next());
        await other.SendAsync(Header.Replace("192.0.2.7", "192.0.2.8", StringComparison.Ordinal) + Ask);
        await Eventually.TrueAsync(() => stage.Load(0).Connections == 2);

        goOn.SetResult();
        Assert.StartsWith("HTTP/1.1 200 ", await first.ReadHeadAsync(), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200 ", await other.ReadHeadAsync(), StringComparison.Ordinal);
        await Eventually.TrueAsync(() => stage.Status.Connections == 0);
    }
}
