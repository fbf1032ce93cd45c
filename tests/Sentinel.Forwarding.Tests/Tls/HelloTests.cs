using System.Net;
using System.Text;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Http;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;
using static Sentinel.Forwarding.Tests.Prefaces.HelloBytes;

namespace Sentinel.Forwarding.Tests.Tls;

/// <summary>A <c>tls</c> listener over each relay: how hellos come in, and what else does. The backends echo, so that a test sees that nothing was taken.</summary>
public sealed class HelloTests
{
    private const string Host = "app.example.com";

    public static TheoryData<RelayEngine> Relays => TlsTests.Relays;

    /// <summary>Relay, hello, bytes a piece (0: at once), and which of two backends it is for.</summary>
    public static TheoryData<RelayEngine, string, int, string> Hellos
    {
        get
        {
            var data = new TheoryData<RelayEngine, string, int, string>();
            foreach (var relay in OperatingSystem.IsLinux() ? new[] { RelayEngine.Managed, RelayEngine.Splice } : [RelayEngine.Managed])
            {
                data.Add(relay, "plain", 0, "named");
                data.Add(relay, "plain", 1, "named");
                data.Add(relay, "records of 7", 0, "named");
                data.Add(relay, "records of 7", 50, "named");
                data.Add(relay, "browser", 0, "named");
                data.Add(relay, "browser", 1200, "named");
                data.Add(relay, "16 KiB", 0, "named");
                data.Add(relay, "16 KiB", 1448, "named");
                data.Add(relay, "capitals and dot", 0, "named");
                data.Add(relay, "address", 0, "other");
                data.Add(relay, "no name", 1, "other");
                data.Add(relay, "no extensions", 0, "other");
                data.Add(relay, "early data", 0, "named");
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Hellos))]
    public async Task However_a_hello_comes_it_goes_where_its_name_says_with_every_byte(RelayEngine relay, string kind, int piece, string wanted)
    {
        var hello = Bytes(kind);
        await using var street = await Street.StartAsync(relay);
        using var client = await RawClient.ConnectAsync(street.Stage.EndPoint);

        foreach (var part in piece == 0 ? [hello] : hello.Chunk(piece))
        {
            await client.SendAsync(part);
        }

        client.FinishSending();
        Assert.Equal(wanted + Encoding.Latin1.GetString(hello), await client.ReadToEndAsync());
        await Eventually.TrueAsync(() => street.Stage.Logs.Ends.Count == 1);
        Assert.Equal(("completed", hello.Length.ToString(System.Globalization.CultureInfo.InvariantCulture)), (street.Stage.Logs.Ends[0]["End"], street.Stage.Logs.Ends[0]["ToBackend"]));
    }

    [Theory]
    [MemberData(nameof(Relays))]
    public async Task Who_does_not_speak_TLS_is_told_so_if_that_helps_and_let_go(RelayEngine relay)
    {
        await using var street = await Street.StartAsync(relay);
        foreach (var (start, answer) in new[]
        {
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"),
            ("\u0016\u0003\u0001\u0000\u0005\u0002\u0000\u0000\u0001\u0000", "\u0015\u0003\u0001\u0000\u0002\u0002\u0032"),
            ("\u0080\u002e\u0001\u0000\u0002\u0000\u0015", ""),
            ("SSH-2.0-x\r\n", ""),
        })
        {
            using var client = await RawClient.ConnectAsync(street.Stage.EndPoint);
            await client.SendAsync(start);
            client.FinishSending();
            if (answer.Length > 0)
            {
                Assert.StartsWith(answer, await client.ReadToEndAsync(), StringComparison.Ordinal);
            }

            await client.HowItEndsAsync();
        }

        await Eventually.TrueAsync(() => street.Stage.Logs.Ends.Count == 5);
        Assert.All(street.Stage.Logs.Ends, end => Assert.Equal("handshake_failed", end["End"]));
        Assert.Equal(0, street.Accepted);
    }

    [Theory]
    [MemberData(nameof(Relays))]
    public async Task Who_dawdles_over_a_hello_is_ended_and_who_leaves_or_breaks_is_gone_at_once(RelayEngine relay)
    {
        await using var street = await Street.StartAsync(relay, settings => settings with { HeaderTimeout = TimeSpan.FromMilliseconds(300) });
        foreach (var start in new[] { "", "GE", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003" })
        {
            using var client = await RawClient.ConnectAsync(street.Stage.EndPoint);
            await client.SendAsync(start);
            await client.HowItEndsAsync();
        }

        await Eventually.TrueAsync(() => street.Stage.Logs.Ends.Count == 3);
        Assert.All(street.Stage.Logs.Ends, end => Assert.Equal("idle", end["End"]));

        await street.Stage.ReloadAsync(street.Stage.Settings with { HeaderTimeout = TimeSpan.FromHours(1) });
        (await RawClient.ConnectAsync(street.Stage.EndPoint)).Dispose();
        (await RawClient.ConnectAsync(street.Stage.EndPoint)).Reset();
        await Eventually.TrueAsync(() => street.Stage.Logs.Ends.Count == 5);
        Assert.Equal(["client_reset", "completed"], street.Stage.Logs.Ends.Skip(3).Select(end => end["End"]).Order());
    }

    [Theory]
    [MemberData(nameof(Relays))]
    public async Task A_stop_does_not_wait_for_hellos(RelayEngine relay)
    {
        await using var street = await Street.StartAsync(relay, settings => settings with { HeaderTimeout = TimeSpan.FromHours(1) });
        using var client = await RawClient.ConnectAsync(street.Stage.EndPoint);
        await client.SendAsync(Bytes("plain").AsMemory(0, 20));
        await Eventually.TrueAsync(() => street.Stage.Status.Connections == 1);

        await street.Stage.Forwarder.StopAsync(CancellationToken.None).WaitAsync(Eventually.Patience, TimeProvider.System);

        Assert.Equal("completed", Assert.Single(street.Stage.Logs.Ends)["End"]);
    }

    [Theory]
    [MemberData(nameof(Relays))]
    public async Task A_connection_of_the_proxys_own_is_its_own_and_the_hello_may_come_with_the_header(RelayEngine relay)
    {
        await using var street = await Street.StartAsync(relay, settings => settings with { AcceptProxyProtocolFrom = [IPNetwork.Parse("127.21.0.0/16")] });
        var hello = Encoding.Latin1.GetString(Bytes("plain"));
        foreach (var header in new[] { "PROXY UNKNOWN\r\n", "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", "\r\n\r\n\0\r\nQUIT\n\x21\0\0\u0003abc", "PROXY TCP4 127.21.7.7 198.51.100.1 4711 443\r\n" })
        {
            using var client = await RawClient.ConnectAsync(street.Stage.EndPoint, IPAddress.Parse("127.21.7.7"));
            await client.SendAsync(header + hello);
            client.FinishSending();
            Assert.Equal("named" + hello, await client.ReadToEndAsync());
        }

        await Eventually.TrueAsync(() => street.Stage.Logs.Ends.Count == 4);
        Assert.All(street.Stage.Logs.Ends, end => Assert.StartsWith("127.21.7.7:", (string)end["Client"]!, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Relays))]
    public async Task The_backend_is_told_once_who_comes_and_before_the_hello(RelayEngine relay)
    {
        await using var street = await Street.StartAsync(relay, settings => settings with { ProxyProtocol = Forwarding.Prefaces.ProxyProtocol.V1 });
        var hello = Encoding.Latin1.GetString(Bytes("browser"));
        using var client = await RawClient.ConnectAsync(street.Stage.EndPoint, Kit.Loopback.Next());
        await client.SendAsync(hello);
        client.FinishSending();

        var seen = await client.ReadToEndAsync();
        await Eventually.TrueAsync(() => street.Stage.Logs.Ends.Count == 1);
        var near = IPEndPoint.Parse(street.Stage.Logs.Ends[0]["Client"]!);
        Assert.Equal($"namedPROXY TCP4 {near.Address} {street.Stage.EndPoint.Address} {near.Port} {street.Stage.EndPoint.Port}\r\n{hello}", seen);
    }

    private static byte[] Bytes(string kind) => kind switch
    {
        "plain" => Make(Name(Host)),
        "records of 7" => Make(Name(Host), record: 7),
        "16 KiB" => Make([.. Extension(21, new byte[(16 * 1024) - 100]), .. Name(Host)]),
        "capitals and dot" => Make(Name("APP.Example.COM.")),
        "address" => Make(Name("192.0.2.1")),
        "no name" => Make(Alpn("h2")),
        "no extensions" => Make(null),
        "early data" => Make(Name(Host), after: [20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 3, 9, 9, 9]),

        // GREASE at both ends (RFC 8701), encrypted hello, key shares of GREASE, X25519MLKEM768 and X25519: what Chromium sends.
        "browser" => Make(
        [
            .. Extension(0x0a0a, []), .. Name(Host), .. Alpn("h2", "http/1.1"), .. Extension(0xfe0d, new byte[282]),
            .. Extension(51, Sized16([.. Extension(0x1a1a, [0]), .. Extension(0x11ec, new byte[1216]), .. Extension(0x001d, new byte[32])])),
            .. Extension(0x2a2a, [0]),
        ]),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>A listener with two backends, one of which is for <see cref="Host"/>. Each says who it is and sends back what comes.</summary>
    private sealed class Street(HttpStage stage, TestBackend[] backends) : IAsyncDisposable
    {
        public HttpStage Stage => stage;

        public int Accepted => backends.Sum(backend => backend.Accepted);

        public static async Task<Street> StartAsync(RelayEngine relay, Func<ListenerSettings, ListenerSettings>? more = null)
        {
            var port = Http.Loopback.FreePort();
            TestBackend[] backends = [Backend("other"), Backend("named")];
            return new(
                await HttpStage.StartAsync(
                    [.. backends.Select(backend => new IPEndPoint(backend.Address, port))],
                    settings => (more ?? (same => same))(settings with { Protocol = ListenerProtocol.Tls, Engine = relay, Routes = [new() { Host = Host, Pool = new("named"), Port = port }] }),
                    [new() { Id = HttpStage.Web, Backends = [HttpStage.Backend(0)] }, new() { Id = new("named"), Backends = [HttpStage.Backend(1)] }],
                    certificates: new(Host)),
                backends);

            TestBackend Backend(string name) => new(new(Http.Loopback.Next(), port), async socket =>
            {
                await socket.SendTextAsync(name);
                await TestBackend.EchoAsync(socket);
            });
        }

        public async ValueTask DisposeAsync()
        {
            await stage.DisposeAsync();
            foreach (var backend in backends)
            {
                backend.Dispose();
            }
        }
    }
}
