using System.Net;
using System.Net.Sockets;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Relay;

/// <summary>PROXY headers: what backends are told, and what proxies must say.</summary>
public abstract class ProxyContract(RelayEngine engine)
{
    private const string Alice = "192.0.2.7";

    private static readonly IPNetwork Proxies = IPNetwork.Parse("127.21.0.0/16");

    public static TheoryData<string> Headers => new()
    {
        Hex(Header(Alice, ProxyProtocol.V1)),
        Hex(Header(Alice, ProxyProtocol.V2)),
        Hex(Header("2001:db8::7", ProxyProtocol.V1)),
        Hex(Header("2001:db8::7", ProxyProtocol.V2)),
        Hex(WithExtras(Header(Alice, ProxyProtocol.V2), 700)),
    };

    [Theory]
    [InlineData(ProxyProtocol.V1)]
    [InlineData(ProxyProtocol.V2)]
    public async Task ABackendIsToldWhoComesOnceAndBeforeTheFirstByte(ProxyProtocol form)
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", SayWhoAndEchoAsync);
        await rig.StartAsync(rig.Listener() with { ProxyProtocol = form });

        var client = await rig.ConnectAsync();
        Assert.Equal($"{client.LocalEndPoint} > {rig.At}", await client.ReadLineAsync());
        await client.SendTextAsync("one\ntwo\n");
        Assert.Equal(("one", "two"), (await client.ReadLineAsync(), await client.ReadLineAsync()));
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal("", await client.ReadTextToEndAsync());
        await Eventually.TrueAsync(() => rig.Logs.Ends.Count == 1);

        Assert.Equal(("completed", "8"), (rig.Logs.Ends[0]["End"], rig.Logs.Ends[0]["ToBackend"]));
    }

    [Fact]
    public async Task AHeldConnectionGetsItsHeaderOnceFromWhoeverServesItInTheEnd()
    {
        await using var rig = new Rig(engine);
        rig.Claim("a", Loopback.Next().ToString());
        rig.Port = 0;
        rig.ServeLater("b", SayWhoAndEchoAsync);
        await rig.StartAsync(rig.Listener() with { ProxyProtocol = ProxyProtocol.V2 });

        var client = await rig.ConnectAsync();
        await client.SendTextAsync("first\n");
        await Eventually.TrueAsync(() => rig.Status().Held == 1);
        rig.Report("b", healthy: true);

        Assert.Equal($"{client.LocalEndPoint} > {rig.At}", await client.ReadLineAsync());
        Assert.Equal("first", await client.ReadLineAsync());
    }

    [Theory]
    [MemberData(nameof(Headers))]
    public async Task AHeaderIsUnderstoodHoweverItComes(string hex)
    {
        var header = Convert.FromHexString(hex);
        await using var rig = new Rig(engine);
        rig.Serve("a", TestBackend.EchoAsync);
        await rig.StartAsync(rig.Listener() with { AcceptProxyProtocolFrom = [Proxies] });
        var random = new Random(header.Length);

        for (var round = 0; round < 12; round++)
        {
            var client = await ConnectAsProxyAsync(rig);
            byte[] all = [.. header, .. "hello\n"u8];
            var longest = 1 << round;
            for (var sent = 0; sent < all.Length;)
            {
                var piece = Math.Min(all.Length - sent, 1 + random.Next(longest));
                await client.SendAllAsync(all.AsMemory(sent, piece));
                sent += piece;
                if (round % 2 == 0)
                {
                    // the other side gets to see it in pieces
                    await Task.Yield();
                }
            }

            Assert.Equal("hello", await client.ReadLineAsync());
            client.Dispose();
            await Eventually.TrueAsync(() => rig.Logs.Ends.Count == round + 1);
            var end = rig.Logs.Ends[round];
            Assert.Equal((ProxyHeader.Read(header, out var told, out _), "6"), (ProxyHeaderVerdict.Complete, end["ToBackend"]));
            Assert.Equal(told.Source!.ToString(), end["Client"]);
        }
    }

    [Theory]
    [InlineData("PROXY UNKNOWN\r\n")]
    [InlineData("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0")]
    [InlineData("\r\n\r\n\0\r\nQUIT\n\x21\0\0\u0003abc")]
    public async Task AConnectionOfTheProxysOwnIsItsOwn(string header)
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", SayWhoAndEchoAsync);
        await rig.StartAsync(rig.Listener() with { AcceptProxyProtocolFrom = [Proxies], ProxyProtocol = ProxyProtocol.V2 });

        var client = await ConnectAsProxyAsync(rig);
        var (near, at) = (client.LocalEndPoint!.ToString(), rig.At);
        await client.SendTextAsync(header);

        Assert.Equal($"{near} > {at}", await client.ReadLineAsync());
    }

    [Fact]
    public async Task WhatAProxySaidIsPassedOn()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", SayWhoAndEchoAsync);
        await rig.StartAsync(rig.Listener() with { AcceptProxyProtocolFrom = [Proxies], ProxyProtocol = ProxyProtocol.V1 });

        var client = await ConnectAsProxyAsync(rig);
        await client.SendAllAsync(Header(Alice, ProxyProtocol.V2));
        await client.SendTextAsync("ssh\n");

        Assert.Equal("192.0.2.7:4711 > 198.51.100.1:22", await client.ReadLineAsync());
        Assert.Equal("ssh", await client.ReadLineAsync());
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("PROXY TCP4 192.0.2.7 198.51.100.1 4711\r\n")]
    [InlineData("PROXY UNKNOWN 1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890\r\n")]
    [InlineData("\r\n\r\n\0\r\nQUIT\n\x21\x11\x08\x01")]
    public async Task WithoutAProperHeaderAProxyIsClosed(string start)
    {
        await using var rig = new Rig(engine);
        var backend = rig.Serve("a", TestBackend.Named("a"));
        await rig.StartAsync(rig.Listener() with { AcceptProxyProtocolFrom = [Proxies] });

        var client = await ConnectAsProxyAsync(rig);
        await client.SendAllAsync(start.Select(c => (byte)c).ToArray());
        await client.HowItEndsAsync();
        await Eventually.TrueAsync(() => rig.Logs.Ends.Count == 1);

        Assert.Equal(("bad_preface", 0), (rig.Logs.Ends[0]["End"], backend.Accepted));
        Assert.Equal(0, rig.Status().Connections);
    }

    [Theory]
    [InlineData("")]
    [InlineData("PROXY TCP4 192.0.2.7")]
    public async Task AHeaderThatComesLateClosesTheConnection(string start)
    {
        await using var rig = new Rig(engine);
        var backend = rig.Serve("a", TestBackend.Named("a"));
        await rig.StartAsync(rig.Listener() with { AcceptProxyProtocolFrom = [Proxies], HeaderTimeout = TimeSpan.FromMilliseconds(200) });

        var client = await ConnectAsProxyAsync(rig);
        await client.SendTextAsync(start);
        await client.HowItEndsAsync();
        await Eventually.TrueAsync(() => rig.Logs.Ends.Count == 1);

        Assert.Equal(("bad_preface", 0), (rig.Logs.Ends[0]["End"], backend.Accepted));
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("PROXY TCP4 192.0.2.7", false)]
    [InlineData("", true)]
    [InlineData("PROXY TCP4 192.0.2.7", true)]
    public async Task AProxyThatLeavesBeforeItsHeaderHasLeft(string start, bool breaks)
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", TestBackend.Named("a"));
        await rig.StartAsync(rig.Listener() with { AcceptProxyProtocolFrom = [Proxies] });

        var client = await ConnectAsProxyAsync(rig);
        await client.SendTextAsync(start);
        await Eventually.TrueAsync(() => rig.Status().Connections == 1);
        if (breaks)
        {
            client.Reset();
        }
        else
        {
            client.Dispose();
        }

        await Eventually.TrueAsync(() => rig.Logs.Ends.Count == 1);
        Assert.Equal(("client_left", 0), (rig.Logs.Ends[0]["End"], rig.Status().Connections));
    }

    [Fact]
    public async Task FromAnybodyElseAHeaderIsNotRead()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", TestBackend.EchoAsync);
        await rig.StartAsync(rig.Listener() with { AcceptProxyProtocolFrom = [IPNetwork.Parse("127.22.0.0/16"), IPNetwork.Parse("::/8")] });

        var client = await rig.ConnectAsync(from: Loopback.Next());
        var near = client.LocalEndPoint!.ToString();
        await client.SendTextAsync("PROXY TCP4 192.0.2.7 198.51.100.1 4711 22\r\n");
        Assert.Equal("PROXY TCP4 192.0.2.7 198.51.100.1 4711 22\r", await client.ReadLineAsync());
        client.Dispose();
        await Eventually.TrueAsync(() => rig.Logs.Ends.Count == 1);

        Assert.Equal(near, rig.Logs.Ends[0]["Client"]);
    }

    [Fact]
    public async Task LimitsCountWhomTheHeaderNames()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", TestBackend.Named("a"));
        await rig.StartAsync(rig.Listener() with { AcceptProxyProtocolFrom = [Proxies], MaxConnectionsPerClient = 1 });
        var proxy = Loopback.Next();
        async Task<Socket> ComeAsync(string client)
        {
            var socket = await rig.ConnectAsync(from: proxy);
            await socket.SendAllAsync(Header(client, ProxyProtocol.V2));
            return socket;
        }

        var alice = await ComeAsync(Alice);
        Assert.Equal("a", await alice.ReadLineAsync());
        Assert.Equal("", await (await ComeAsync(Alice)).ReadTextToEndAsync());
        Assert.Equal("a", await (await ComeAsync("192.0.2.8")).ReadLineAsync());
        await Eventually.TrueAsync(() => rig.Status() is { Connections: 2, Refused: 1 });

        alice.Dispose();
        await Eventually.TrueAsync(() => rig.Status().Connections == 1);
        Assert.Equal("a", await (await ComeAsync(Alice)).ReadLineAsync());
    }

    [Fact]
    public async Task WhoHasNotShownAHeaderYetTakesAPlaceInTheListener()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", TestBackend.Named("a"));
        await rig.StartAsync(rig.Listener() with { AcceptProxyProtocolFrom = [Proxies], MaxConnections = 2, MaxConnectionsPerClient = 1 });

        var first = await ConnectAsProxyAsync(rig);
        await ConnectAsProxyAsync(rig);
        await Eventually.TrueAsync(() => rig.Status().Connections == 2);
        Assert.Equal("", await (await ConnectAsProxyAsync(rig)).ReadTextToEndAsync());
        await Eventually.TrueAsync(() => rig.Status() is { Connections: 2, Refused: 1 });

        await first.SendAllAsync(Header(Alice, ProxyProtocol.V1));
        Assert.Equal("a", await first.ReadLineAsync());
    }

    [Fact]
    public async Task AffinityFollowsWhomTheHeaderNames()
    {
        await using var rig = new Rig(engine) { Policy = PoolPolicy.ClientAffinity };
        rig.Serve("a", TestBackend.Named("a"));
        rig.Serve("b", TestBackend.Named("b"));
        await rig.StartAsync(rig.Listener() with { AcceptProxyProtocolFrom = [Proxies] });
        var served = new List<string>();

        for (var i = 1; i <= 16; i++)
        {
            var address = IPAddress.Parse($"192.0.2.{i}");
            var client = await ConnectAsProxyAsync(rig);
            await client.SendAllAsync(Header($"{address}", ProxyProtocol.V1));
            served.Add(await client.ReadLineAsync());
            Assert.Equal(rig.Pools.Current.Pools[Rig.Pool].Pick(ClientAddress.Of(address))!.Id.Name, served[^1]);
        }

        Assert.Equal(["a", "b"], served.Distinct().Order());
    }

    [Fact]
    public async Task AStopDoesNotWaitForHeaders()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", TestBackend.Named("a"));
        await rig.StartAsync(rig.Listener() with { AcceptProxyProtocolFrom = [Proxies], HeaderTimeout = TimeSpan.FromHours(1) });
        await ConnectAsProxyAsync(rig);
        await Eventually.TrueAsync(() => rig.Status().Connections == 1);

        await rig.Forwarder.StopAsync(new CancellationToken(canceled: true));

        Assert.Equal("stopped", Assert.Single(rig.Logs.Ends)["End"]);
    }

    private static Task<Socket> ConnectAsProxyAsync(Rig rig) => rig.ConnectAsync(from: Loopback.Next());

    private static byte[] Header(string client, ProxyProtocol form)
    {
        var source = new IPEndPoint(IPAddress.Parse(client), 4711);
        var destination = IPEndPoint.Parse(source.AddressFamily == AddressFamily.InterNetwork ? "198.51.100.1:22" : "[2001:db8::1]:22");
        var bytes = new byte[ProxyHeader.MaxWritten];
        return bytes[..new ProxyHeader(source, destination).Write(form, bytes)];
    }

    private static byte[] WithExtras(byte[] header, int length)
    {
        byte[] all = [.. header, 0x04, (byte)((length - 3) >> 8), (byte)(length - 3), .. new byte[length - 3]];
        (all[14], all[15]) = ((byte)((all.Length - 16) >> 8), (byte)(all.Length - 16));
        return all;
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);

    /// <summary>Reads a header, says whom it names, and echoes the rest.</summary>
    private static async Task SayWhoAndEchoAsync(Socket socket)
    {
        var (verdict, header) = await ProxyHeaderReader.ReadAsync(new SocketReceiver(socket), CancellationToken.None);
        await socket.SendTextAsync(verdict == ProxyHeaderVerdict.Complete ? $"{header.Source} > {header.Destination}\n" : $"{verdict}\n");
        await TestBackend.EchoAsync(socket);
    }
}
