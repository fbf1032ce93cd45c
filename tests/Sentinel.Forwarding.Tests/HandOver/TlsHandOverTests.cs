using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Http;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Forwarding.Tests.Prefaces;
using Sentinel.Testing;
using Loopback = Sentinel.Forwarding.Tests.Kit.Loopback;

namespace Sentinel.Forwarding.Tests.HandOver;

/// <summary>What a <c>tls</c> listener leaves: relays, those who wait, those who have not said yet where to. The backends echo, the hello included.</summary>
[Collection("hand-over")] // one after the other: see Succession
[SupportedOSPlatform("linux")]
public sealed class TlsHandOverTests
{
    private const string Host = "app.example.com";
    private static readonly byte[] Hello = HelloBytes.Make(HelloBytes.Name(Host));

    public static TheoryData<RelayEngine, RelayEngine> Pairs => new()
    {
        { RelayEngine.Managed, RelayEngine.Managed },
        { RelayEngine.Splice, RelayEngine.Splice },
        { RelayEngine.Splice, RelayEngine.Managed },
    };

    [NeedsTheory("linux")]
    [MemberData(nameof(Pairs))]
    public async Task Flows_at_full_speed_survive_three_successions_without_a_wrong_byte(RelayEngine one, RelayEngine other)
    {
        await using var forwarders = Forwarders(one, other);
        forwarders.Rig.Serve("one", TestBackend.EchoAsync);
        await forwarders.StartAsync();
        await Torrent.SurvivesAsync(forwarders, 10, () => EchoedAsync(forwarders));
        Assert.Equal(0, forwarders.Current.Statuses[0].Connections);
    }

    [NeedsTheory("linux")]
    [MemberData(nameof(Pairs))]
    public async Task Who_waits_for_the_pool_of_a_name_goes_on_waiting_for_that(RelayEngine one, RelayEngine other)
    {
        await using var forwarders = Forwarders(one, other);
        forwarders.Rig.ServeLater("one", TestBackend.EchoAsync);
        await forwarders.StartAsync();
        var client = await forwarders.Rig.ConnectAsync();
        await client.SendAllAsync(Hello);
        await Eventually.TrueAsync(() => forwarders.Current.Statuses[0].Held == 1);

        await forwarders.RestartAsync();
        await Eventually.TrueAsync(() => forwarders.Current.Statuses[0].Held == 1);
        forwarders.Rig.Report("one", healthy: true);

        // Who ended his side while he waits would have left.
        var echoed = new byte[Hello.Length];
        for (var read = 0; read < echoed.Length;)
        {
            read += await client.ReceiveAsync(echoed.AsMemory(read));
        }

        Assert.Equal(Hello, echoed);
        client.Shutdown(SocketShutdown.Send);
        Assert.Empty(await client.ReadToEndAsync());
        await Eventually.TrueAsync(() => forwarders.Rig.Logs.Ends.Count == 1);
        Assert.Equal("completed", forwarders.Rig.Logs.Ends[0]["End"]);
    }

    [NeedsTheory("linux")]
    [MemberData(nameof(Pairs))]
    public async Task Who_is_in_the_midst_of_a_PROXY_header_or_a_hello_goes_on_with_it(RelayEngine one, RelayEngine other)
    {
        await using var forwarders = Forwarders(one, other);
        forwarders.Shape = settings => Shape(settings) with { AcceptProxyProtocolFrom = [System.Net.IPNetwork.Parse("127.21.0.0/16")] };
        forwarders.Rig.Serve("one", TestBackend.EchoAsync);
        await forwarders.StartAsync();
        var silent = await forwarders.Rig.ConnectAsync(from: Loopback.Next());
        var named = await forwarders.Rig.ConnectAsync(from: Loopback.Next());
        await named.SendTextAsync("PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n");
        await named.SendAllAsync(Hello.AsMemory(0, 20));
        await Eventually.TrueAsync(() => forwarders.Current.Statuses[0].Connections == 2);

        await forwarders.RestartAsync();
        await silent.SendTextAsync("PROXY TCP4 192.0.2.8 198.51.100.1 4712 443\r\n");
        await silent.SendAllAsync(Hello);
        await named.SendAllAsync(Hello.AsMemory(20));

        foreach (var client in new[] { silent, named })
        {
            client.Shutdown(SocketShutdown.Send);
            Assert.Equal(Hello, await client.ReadToEndAsync());
        }

        await Eventually.TrueAsync(() => forwarders.Rig.Logs.Ends.Count == 2);
        Assert.Equal(["192.0.2.7:4711", "192.0.2.8:4712"], forwarders.Rig.Logs.Ends.Select(end => end["Client"]).Order());
    }

    [NeedsTheory("linux")]
    [MemberData(nameof(Pairs))]
    public async Task It_ends_with_its_backend_though_the_listeners_own_pool_is_another(RelayEngine one, RelayEngine other)
    {
        await using var forwarders = Forwarders(one, other);
        forwarders.Rig.Serve("one", TestBackend.EchoAsync);
        await forwarders.StartAsync();
        var client = await EchoedAsync(forwarders);

        await forwarders.RestartAsync();
        forwarders.Rig.Report("one", healthy: false);

        Assert.Equal("reset", await client.HowItEndsAsync());
        await Eventually.TrueAsync(() => forwarders.Rig.Logs.Ends.Count == 1);
        Assert.Equal("backend_down", forwarders.Rig.Logs.Ends[0]["End"]);
    }

    [NeedsTheory("linux")]
    [MemberData(nameof(Pairs))]
    public async Task Who_is_answered_here_is_let_finish_while_relays_go_on(RelayEngine one, RelayEngine other)
    {
        await using var forwarders = Forwarders(one, other);
        forwarders.Shape = settings => Shape(settings) with { Hold = TimeSpan.Zero };
        forwarders.Rig.Serve("one", TestBackend.EchoAsync);
        await forwarders.StartAsync();
        var client = await EchoedAsync(forwarders);
        var idle = await forwarders.Rig.ConnectAsync();
        await using var answered = new SslStream(new NetworkStream(idle));
        await answered.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "nobody.example.com", RemoteCertificateValidationCallback = TestCertificates.Any });
        var shaking = await forwarders.Rig.ConnectAsync();
        await shaking.SendAllAsync(await HelloBytes.RealAsync("nobody.example.com"));
        await Eventually.TrueAsync(() => shaking.Available > 0);

        var leaving = forwarders.LeaveAsync();
        for (var i = 0; i < 20; i++)
        {
            await client.SendTextAsync("meanwhile\n");
            Assert.Equal("meanwhile", await client.ReadLineAsync());
        }

        Assert.Equal(0, await answered.ReadAsync(new byte[1]));
        Assert.False(leaving.IsCompleted);
        shaking.Shutdown(SocketShutdown.Send);
        await leaving;
        Assert.Equal("end", await shaking.HowItEndsAsync());
        await forwarders.StartAsync();

        await client.SendTextAsync("still here\n");
        Assert.Equal("still here", await client.ReadLineAsync());
    }

    private static Succession Forwarders(RelayEngine one, RelayEngine other) =>
        new(one, other) { Certificates = new TestCertificates(Host), Shape = Shape };

    // The pool of everybody else has nobody.
    private static ListenerSettings Shape(ListenerSettings settings) => settings with
    {
        Protocol = ListenerProtocol.Tls,
        Pool = new("nobody"),
        Routes = [new() { Host = Host, Pool = Rig.Pool, Port = settings.Port }],
    };

    private static async Task<Socket> EchoedAsync(Succession forwarders)
    {
        var client = await forwarders.Rig.ConnectAsync();
        await client.SendAllAsync(Hello);
        var back = new byte[Hello.Length];
        using var stream = new NetworkStream(client);
        await stream.ReadExactlyAsync(back);
        Assert.Equal(Hello, back);
        return client;
    }
}
