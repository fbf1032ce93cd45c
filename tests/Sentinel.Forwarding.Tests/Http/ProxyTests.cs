using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Sentinel.Backends;
using Sentinel.Forwarding.Tests.Kit;
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

    public static TheoryData<string, string, bool> Headers
    {
        get
        {
            var data = new TheoryData<string, string, bool>();
            foreach (var tls in new[] { false, true })
            {
                data.Add(Header, "192.0.2.7", tls);
                data.Add("PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n", "2001:db8::7", tls);
                data.Add(Second("192.0.2.7", "198.51.100.1"), "192.0.2.7", tls);
                data.Add(Second("2001:db8::7", "2001:db8::1"), "2001:db8::7", tls);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Headers))]
    public async Task Backends_are_told_whom_the_header_names_in_whichever_form(string header, string named, bool tls)
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(
            [backend.EndPoint], settings => settings with { AcceptProxyProtocolFrom = Proxies }, certificates: tls ? new() : null);
        using var socket = await FromProxyAsync(stage.EndPoint);
        var answer = await AskAsync(socket, header, tls);

        var node = named.Contains(':') ? $"\"[{named}]\"" : named;
        Assert.Contains($"X-Forwarded-For: {named}\n", answer, StringComparison.Ordinal);
        Assert.Contains($"Forwarded: for={node};host=here;proto={(tls ? "https" : "http")}\n", answer, StringComparison.Ordinal);
        await Eventually.TrueAsync(() => stage.Logs.Ends.Any(end => end["Client"] == new IPEndPoint(IPAddress.Parse(named), 4711).ToString()));
    }

    [Theory]
    [InlineData("PROXY UNKNOWN\r\n", false)]
    [InlineData("PROXY UNKNOWN\r\n", true)]
    [InlineData("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", false)]
    [InlineData("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", true)]
    [InlineData("\r\n\r\n\0\r\nQUIT\n\x21\0\0\u0003abc", false)]
    [InlineData("\r\n\r\n\0\r\nQUIT\n\x21\0\0\u0003abc", true)]
    public async Task A_connection_of_the_proxys_own_is_its_own(string header, bool tls)
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(
            [backend.EndPoint], settings => settings with { AcceptProxyProtocolFrom = Proxies }, certificates: tls ? new() : null);
        using var socket = await FromProxyAsync(stage.EndPoint);
        var answer = await AskAsync(socket, header, tls);

        var near = (IPEndPoint)socket.LocalEndPoint!;
        Assert.Contains($"X-Forwarded-For: {near.Address}\n", answer, StringComparison.Ordinal);
        await Eventually.TrueAsync(() => stage.Logs.Ends.Any(end => end["Client"] == near.ToString()));
    }

    [NeedsTheory("linux", "haproxy")]
    [InlineData("check-send-proxy send-proxy")]
    [InlineData("check-send-proxy send-proxy-v2")]
    public async Task What_haproxy_asks_for_itself_comes_from_haproxy(string form)
    {
        var asked = new TaskCompletionSource<string>();
        await using var backend = await HttpBackend.StartAsync(context =>
        {
            asked.TrySetResult($"{context.Request.Path} {context.Request.Headers["X-Forwarded-For"]}");
            return Task.CompletedTask;
        });
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { AcceptProxyProtocolFrom = Proxies });
        var before = new IPEndPoint(OwnLoopback.Next(), 7004);
        using var haproxy = await ServerProgram.HaproxyAsync(before,
            $"""
            frontend first
                mode http
                bind {before}
                default_backend us
            backend us
                mode http
                option httpchk GET /checked
                server us {stage.EndPoint} source 127.21.7.7 check inter 200ms {form}
            """);

        Assert.Equal("/checked 127.21.7.7", await asked.Task.WaitAsync(Eventually.Patience, TimeProvider.System));
    }

    [NeedsTheory("linux", "haproxy")]
    [InlineData("send-proxy", true)]
    [InlineData("send-proxy-v2", true)]
    [InlineData("send-proxy-v2 proxy-v2-options unique-id,crc32c", true)]
    [InlineData("send-proxy-v2", false)]
    public async Task Haproxy_in_front_says_who_the_client_is(string form, bool tls)
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(
            [backend.EndPoint], settings => settings with { AcceptProxyProtocolFrom = Proxies }, certificates: tls ? new() : null);
        var before = new IPEndPoint(OwnLoopback.Next(), 7004);
        using var haproxy = await ServerProgram.HaproxyInFrontAsync(before, stage.EndPoint, IPAddress.Parse("127.21.7.7"), form);
        using var socket = await FromProxyAsync(before);
        var answer = await AskAsync(socket, "", tls);

        var client = (IPEndPoint)socket.LocalEndPoint!;
        Assert.Contains($"X-Forwarded-For: {client.Address}\n", answer, StringComparison.Ordinal);
        Assert.Contains($"X-Forwarded-Proto: {(tls ? "https" : "http")}\n", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("6.6.6.6", answer, StringComparison.Ordinal);
        await Eventually.TrueAsync(() => stage.Logs.Ends.Any(end => end["Client"] == client.ToString()));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: here\r\n\r\n")]
    [InlineData("PROXY TCP4 192.0.2.7")]
    [InlineData("PROXY UNKNOWN 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n")]
    [InlineData("\r\n\r\n\0\r\nQUIT\n\x21\x11\u00ff\u00ff")]
    [InlineData("")]
    public async Task Without_a_whole_header_in_time_the_connection_is_closed(string start) => await IsClosedAsync(start, tls: false);

    [Theory]
    [InlineData("PROXY TCP4 192.0.2.7")]
    [InlineData("\r\n\r\n\0\r\nQUIT\n\x21\x11\u00ff\u00ff")]
    [InlineData("\x16\u0003\u0001")]
    public async Task So_it_is_where_TLS_would_follow(string start) => await IsClosedAsync(start, tls: true);

    private static async Task IsClosedAsync(string start, bool tls)
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(
            [backend.EndPoint], settings => settings with { AcceptProxyProtocolFrom = Proxies, HeaderTimeout = TimeSpan.FromMilliseconds(200) }, certificates: tls ? new() : null);
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

    private static async Task<Socket> FromProxyAsync(IPEndPoint target)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(OwnLoopback.Next(), 0));
        await socket.ConnectAsync(target);
        return socket;
    }

    /// <summary>Sends a header and asks behind it.</summary>
    private static async Task<string> AskAsync(Socket socket, string header, bool tls)
    {
        await using Stream clear = new NetworkStream(socket);
        await clear.WriteAsync(Encoding.Latin1.GetBytes(header));
        await using var secured = tls ? new SslStream(clear, leaveInnerStreamOpen: true, TestCertificates.Any) : null;
        await (secured?.AuthenticateAsClientAsync("here") ?? Task.CompletedTask);
        var stream = secured ?? clear;
        await stream.WriteAsync(Encoding.ASCII.GetBytes(Ask));
        return await new StreamReader(stream, Encoding.ASCII).ReadToEndAsync();
    }

    /// <summary>A header of the second version, with something behind the addresses that is to be skipped.</summary>
    private static string Second(string from, string to)
    {
        byte[] addresses = [.. IPAddress.Parse(from).GetAddressBytes(), .. IPAddress.Parse(to).GetAddressBytes(), 4711 >> 8, 4711 & 0xff, 0, 80];
        byte[] more = [0x04, 0, 3, 1, 2, 3];
        return Encoding.Latin1.GetString([
            .. "\r\n\r\n\0\r\nQUIT\n"u8, 0x21, (byte)(addresses.Length == 12 ? 0x11 : 0x21), 0, (byte)(addresses.Length + more.Length), .. addresses, .. more]);
    }
}
