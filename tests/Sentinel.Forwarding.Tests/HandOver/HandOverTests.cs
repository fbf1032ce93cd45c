using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.HandOver;

/// <summary>What a forwarder leaves, the next one goes on with.</summary>
[SupportedOSPlatform("linux")]
public abstract partial class HandOverTests(params RelayEngine[] engines) : IAsyncLifetime
{
    private readonly Succession _forwarders = new(engines);

    private Rig Rig => _forwarders.Rig;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _forwarders.DisposeAsync();

    [NeedsFact("linux")]
    public async Task Who_connects_between_the_two_waits_and_is_served()
    {
        Rig.Serve("one", TestBackend.EchoAsync);
        await _forwarders.StartAsync();
        await _forwarders.LeaveAsync();

        var client = await Rig.ConnectAsync();
        await client.SendTextAsync("hello\n");
        await _forwarders.StartAsync();

        Assert.Equal("hello", await client.ReadLineAsync());
    }

    [NeedsFact("linux")]
    public async Task Open_connections_go_on_and_end_in_good_order()
    {
        Rig.Serve("one", TestBackend.EchoAsync);
        await _forwarders.StartAsync();
        var client = await Rig.ConnectAsync();
        await client.SendTextAsync("before\n");
        Assert.Equal("before", await client.ReadLineAsync());

        await _forwarders.RestartAsync();
        await client.SendTextAsync("after\n");
        Assert.Equal("after", await client.ReadLineAsync());
        client.Shutdown(SocketShutdown.Send);

        Assert.Equal("", await client.ReadTextToEndAsync());
        await Eventually.TrueAsync(() => Rig.Logs.Ends.Count == 1);
        Assert.Equal(("completed", "13", "13", "one"), (Rig.Logs.Ends[0]["End"], Rig.Logs.Ends[0]["ToBackend"], Rig.Logs.Ends[0]["ToClient"], Rig.Logs.Ends[0]["Backend"]));
        Assert.Equal(0, Rig.Pools.Current.Backends[new("one")].Load.Connections);
        Assert.Equal(0, _forwarders.Current.Statuses[0].Connections);
    }

    [NeedsFact("linux")]
    public async Task Thirty_flows_at_full_speed_survive_three_successions_without_a_wrong_byte()
    {
        Rig.Serve("one", TestBackend.EchoAsync);
        await _forwarders.StartAsync();
        await Torrent.SurvivesAsync(_forwarders, 30, () => Rig.ConnectAsync());
    }

    [NeedsFact("linux")]
    public async Task A_half_that_has_ended_stays_ended()
    {
        var answer = new TaskCompletionSource();
        Rig.Serve("one", async socket =>
        {
            var question = await socket.ReadTextToEndAsync();
            await answer.Task;
            await socket.SendTextAsync("answer to " + question);
            socket.Dispose();
        });
        await _forwarders.StartAsync();
        var client = await Rig.ConnectAsync();
        await client.SendTextAsync("question");
        client.Shutdown(SocketShutdown.Send);
        await Eventually.TrueAsync(() => Rig.Pools.Current.Backends[new("one")].Load.Connections == 1);

        await _forwarders.RestartAsync();
        await _forwarders.RestartAsync();
        answer.SetResult();

        Assert.Equal("answer to question", await client.ReadTextToEndAsync());
    }

    [NeedsFact("linux")]
    public async Task A_reset_is_carried_over_by_the_next()
    {
        var backend = Rig.Serve("one", TestBackend.EchoAsync);
        await _forwarders.StartAsync();
        var client = await Rig.ConnectAsync();
        await client.SendTextAsync("hello\n");
        await client.ReadLineAsync();

        await _forwarders.LeaveAsync();
        backend.Connections.Single().Reset();
        await _forwarders.StartAsync();

        Assert.Equal("reset", await client.HowItEndsAsync());
    }

    [NeedsFact("linux")]
    public async Task Who_waits_for_a_backend_goes_on_waiting()
    {
        Rig.ServeLater("one", TestBackend.EchoAsync);
        await _forwarders.StartAsync();
        var client = await Rig.ConnectAsync();
        await client.SendTextAsync("hello\n");
        await Eventually.TrueAsync(() => _forwarders.Current.Statuses[0].Held == 1);

        await _forwarders.RestartAsync();
        await Eventually.TrueAsync(() => _forwarders.Current.Statuses[0].Held == 1);
        Rig.Report("one", healthy: true);

        Assert.Equal("hello", await client.ReadLineAsync());
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal("", await client.ReadTextToEndAsync());
    }

    [NeedsFact("linux")]
    public async Task A_receiver_who_does_not_read_loses_nothing_and_holds_up_nobody()
    {
        var flood = new byte[64 << 20];
        new Random(5).NextBytes(flood);
        Rig.Serve("one", async socket =>
        {
            await socket.ReadLineAsync();
            await socket.SendAllAsync(flood);
            socket.Dispose();
        });
        await _forwarders.StartAsync();
        var client = await Rig.ConnectAsync();
        await client.SendTextAsync("go\n");
        await Eventually.TrueAsync(() => client.Available > 100_000);

        await _forwarders.RestartAsync();
        await _forwarders.RestartAsync();

        Assert.Equal(SHA256.HashData(flood), SHA256.HashData(await client.ReadToEndAsync()));
    }

    [NeedsFact("linux")]
    public async Task Bytes_in_hand_are_sent_first()
    {
        Rig.Serve("one", TestBackend.EchoAsync);
        await _forwarders.StartAsync();
        var client = await Rig.ConnectAsync();
        await client.SendTextAsync("one ");
        await Eventually.TrueAsync(() => client.Available == 4);
        await _forwarders.LeaveAsync();
        using (var passed = _forwarders.Store.Pass().TakeDescriptor("sentinel.connections")!)
        {
            // as an engine leaves it that had read more than it could pass on
            var connection = Assert.Single(Parcel.Unpack(passed, out var lost));
            Assert.Equal(0, lost);
            using var changed = Parcel.Pack([new()
            {
                Listener = connection.Listener,
                Client = connection.Client,
                Start = connection.Start,
                ClientSocket = connection.ClientSocket,
                Relay = new()
                {
                    Backend = connection.Relay!.Backend,
                    ClosesOnDown = true,
                    BackendSocket = connection.Relay.BackendSocket,
                    ToBackend = connection.Relay.ToBackend with { Unsent = "two "u8.ToArray() },
                    ToClient = connection.Relay.ToClient with { Unsent = "nought "u8.ToArray() },
                },
            }]);
            _forwarders.Store.Keep("sentinel.connections", changed);
            connection.Dispose();
        }

        await client.SendTextAsync("three");
        client.Shutdown(SocketShutdown.Send);
        await _forwarders.StartAsync();

        Assert.Equal("one nought two three", await client.ReadTextToEndAsync());
    }

    [NeedsFact("linux")]
    public async Task A_backend_that_is_not_checked_yet_is_not_down_and_one_that_fails_its_first_check_is()
    {
        Rig.Serve("one", TestBackend.EchoAsync);
        await _forwarders.StartAsync();
        var client = await Rig.ConnectAsync();
        await client.SendTextAsync("hello\n");
        await client.ReadLineAsync();
        await _forwarders.LeaveAsync();
        var definition = Rig.Pools.Current.Pools[Rig.Pool].Definition;
        var backends = Rig.Pools.Current.Backends.Values.Select(backend => backend.Definition).ToArray();
        Rig.Pools.Configure([], []);
        Rig.Pools.Configure([.. backends, new() { Id = new("other") }], [definition]);

        await _forwarders.StartAsync();
        Rig.Report("other", healthy: true);
        Rig.Report("other", healthy: false);
        await client.SendTextAsync("again\n");
        Assert.Equal("again", await client.ReadLineAsync());
        Rig.Report("one", healthy: true);
        Rig.Report("other", healthy: true);
        Rig.Report("other", healthy: false);
        await client.SendTextAsync("and again\n");
        Assert.Equal("and again", await client.ReadLineAsync());

        Rig.Report("one", healthy: false);
        Assert.Equal("reset", await client.HowItEndsAsync());
    }

    [NeedsFact("linux")]
    public async Task A_listener_that_has_gone_takes_its_connections_and_its_address_along()
    {
        Rig.Serve("one", TestBackend.EchoAsync);
        await _forwarders.StartAsync();
        var client = await Rig.ConnectAsync();
        await client.SendTextAsync("hello\n");
        await client.ReadLineAsync();
        await _forwarders.LeaveAsync();

        var other = Rig.Listener("other") with { Bind = [new(new(Loopback.Next(), Rig.ListenPort), null)] };
        await _forwarders.StartAsync(other);

        Assert.Equal("reset", await client.HowItEndsAsync());
        Assert.Equal($"sentinel.listening.{other.Bind[0].EndPoint!.Address}_{Rig.ListenPort}", Assert.Single(_forwarders.Store.Names));
        var refused = await Assert.ThrowsAsync<SocketException>(() => Rig.ConnectAsync());
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
    }

    [NeedsFact("linux")]
    public async Task A_stop_that_is_for_good_leaves_nothing()
    {
        Rig.Serve("one", TestBackend.EchoAsync);
        await _forwarders.StartAsync();
        Assert.Single(_forwarders.Store.Names);

        await _forwarders.Current.StopAsync(CancellationToken.None);

        Assert.Empty(_forwarders.Store.Names);
        await Assert.ThrowsAsync<SocketException>(() => Rig.ConnectAsync());
    }

    private async Task<Socket> EchoedAsync()
    {
        var client = await Rig.ConnectAsync();
        await client.SendTextAsync("hello\n");
        Assert.Equal("hello", await client.ReadLineAsync());
        return client;
    }
}
