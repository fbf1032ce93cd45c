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
public abstract class HandOverTests(params RelayEngine[] engines) : IAsyncLifetime
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
        var (sent, stop) = (0L, false);
        var flows = Enumerable.Range(0, 30).Select(async seed =>
        {
            var client = await Rig.ConnectAsync();
            using var there = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var sending = Task.Run(async () =>
            {
                var random = new Random(seed);
                var chunk = new byte[random.Next(1, 40_000)];
                while (!Volatile.Read(ref stop))
                {
                    random.NextBytes(chunk);
                    there.AppendData(chunk);
                    await client.SendAllAsync(chunk);
                    Interlocked.Add(ref sent, chunk.Length);
                }

                client.Shutdown(SocketShutdown.Send);
            });
            await using var stream = new NetworkStream(client);
            var back = await SHA256.HashDataAsync(stream);
            await sending;
            Assert.Equal(there.GetHashAndReset(), back);
        }).ToArray();

        for (var i = 0; i < 3; i++)
        {
            var before = Volatile.Read(ref sent);
            await Eventually.TrueAsync(() => Volatile.Read(ref sent) > before + 2_000_000);
            await _forwarders.RestartAsync();
        }

        Volatile.Write(ref stop, true);
        await Task.WhenAll(flows);
        await Eventually.TrueAsync(() => Rig.Logs.Ends.Count == 30);
        Assert.All(Rig.Logs.Ends, end => Assert.Equal("completed", end["End"]));
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

    [NeedsFact("linux")]
    public async Task A_parcel_that_nobody_understands_stops_nobody()
    {
        Rig.Serve("one", TestBackend.EchoAsync);
        using (var nonsense = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false })
        {
            _forwarders.Store.Keep("sentinel.connections", nonsense.SafeHandle);
        }

        await _forwarders.StartAsync();

        Assert.Contains(Rig.Logs.Lines, line => line.Event == "handover.received.failed");
        Assert.DoesNotContain("sentinel.connections", _forwarders.Store.Names);
        var client = await Rig.ConnectAsync();
        await client.SendTextAsync("hello\n");
        Assert.Equal("hello", await client.ReadLineAsync());
    }

    [NeedsFact("linux")]
    public async Task A_parcel_of_another_format_is_refused_and_its_connections_are_reset()
    {
        Rig.Serve("one", TestBackend.EchoAsync);
        await _forwarders.StartAsync();
        var client = await EchoedAsync();
        await _forwarders.LeaveAsync();
        Repack(records => records with { Format = KeptRecords.CurrentFormat + 1 });

        await _forwarders.StartAsync();

        Assert.Equal("reset", await client.HowItEndsAsync());
        Assert.Contains("format 2; this version reads 1", Rig.Logs.Lines.Single(line => line.Event == "handover.received.failed").Exception!.Message, StringComparison.Ordinal);
        Assert.Equal(0, _forwarders.Current.Statuses[0].Connections);
        await EchoedAsync();
    }

    [NeedsFact("linux")]
    public async Task Of_a_torn_parcel_what_is_whole_goes_on_and_the_rest_is_reset()
    {
        Rig.Serve("one", TestBackend.EchoAsync);
        await _forwarders.StartAsync();
        Socket[] clients = [await EchoedAsync(), await EchoedAsync()];
        await _forwarders.LeaveAsync();
        Repack(records => records, sockets => sockets[..3]);

        await _forwarders.StartAsync();

        Assert.Equal(1, _forwarders.Current.Statuses[0].Connections);
        Assert.Equal("1", Rig.Logs.Lines.Single(line => line.Event == "handover.received")["Lost"]);
        foreach (var client in clients)
        {
            try
            {
                await client.SendTextAsync("again\n");
                Assert.Equal("again", await client.ReadLineAsync());
                client.Shutdown(SocketShutdown.Send);
                Assert.Equal("", await client.ReadTextToEndAsync());
            }
            catch (SocketException e)
            {
                Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode);
            }
        }

        await Eventually.TrueAsync(() => Rig.Logs.Ends.Count == 1);
        Assert.Equal("completed", Rig.Logs.Ends[0]["End"]);
    }

    [NeedsFact("linux")]
    public async Task Where_the_store_takes_nothing_connections_are_reset_and_that_is_told()
    {
        Rig.Serve("one", TestBackend.EchoAsync);
        await _forwarders.StartAsync();
        var client = await EchoedAsync();
        _forwarders.Store.IsFull = true;

        await _forwarders.LeaveAsync();

        Assert.Equal("reset", await client.HowItEndsAsync());
        Assert.Equal("1", Rig.Logs.Lines.Single(line => line.Event == "handover.left.failed")["Count"]);
    }

    [NeedsFact("linux")]
    public async Task Connections_of_an_engine_that_a_reload_replaced_go_on_too()
    {
        Rig.Serve("one", TestBackend.EchoAsync);
        await _forwarders.StartAsync(Rig.Listener() with { Engine = RelayEngine.Managed });
        var client = await EchoedAsync();
        using (var change = await _forwarders.Current.PrepareAsync([Rig.Listener() with { Engine = RelayEngine.Splice }]))
        {
            change.Commit();
        }

        await _forwarders.RestartAsync();

        await client.SendTextAsync("again\n");
        Assert.Equal("again", await client.ReadLineAsync());
    }

    [NeedsFact("linux")]
    public async Task Who_waited_before_keeps_his_place_against_newcomers()
    {
        Rig.ServeLater("one", TestBackend.EchoAsync);
        var listener = Rig.Listener() with { HoldLimit = 1 };
        await _forwarders.StartAsync(listener);
        var first = await Rig.ConnectAsync();
        await first.SendTextAsync("first\n");
        await Eventually.TrueAsync(() => _forwarders.Current.Statuses[0].Held == 1);
        await _forwarders.LeaveAsync();
        var second = await Rig.ConnectAsync();

        await _forwarders.StartAsync(listener);
        await Eventually.TrueAsync(() => Rig.Logs.Lines.Count(line => line.Event == "listener.listening") == 2 && _forwarders.Current.Statuses[0] is { Held: 1, Refused: 1 });
        Rig.Report("one", healthy: true);

        Assert.Equal("first", await first.ReadLineAsync());
        Assert.NotEqual("", await second.HowItEndsAsync());
    }

    [NeedsFact("linux")]
    public async Task Limits_count_those_who_came_from_before()
    {
        Rig.Serve("one", TestBackend.EchoAsync);
        var listener = Rig.Listener() with { MaxConnectionsPerClient = 1 };
        await _forwarders.StartAsync(listener);
        var client = await EchoedAsync();
        await _forwarders.LeaveAsync();
        await _forwarders.StartAsync(listener);

        Assert.Equal(1, _forwarders.Current.Statuses[0].Connections);
        Assert.Equal(1, Rig.Pools.Current.Backends[new("one")].Load.Connections);
        using (var second = await Rig.ConnectAsync())
        {
            await second.HowItEndsAsync();
        }

        Assert.Equal(1, _forwarders.Current.Statuses[0].Refused);
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal("", await client.ReadTextToEndAsync());
        await Eventually.TrueAsync(() => _forwarders.Current.Statuses[0].Connections == 0);
        await EchoedAsync();
    }

    [NeedsFact("linux")]
    public async Task A_backend_that_left_the_configuration_ends_its_connections_only_where_they_close_on_down()
    {
        Rig.Serve("one", TestBackend.EchoAsync);
        var listener = Rig.Listener() with { CloseOnDown = false };
        await _forwarders.StartAsync(listener);
        var client = await EchoedAsync();
        await _forwarders.LeaveAsync();
        Rig.Forget("one");

        await _forwarders.StartAsync(listener);
        await client.SendTextAsync("again\n");
        Assert.Equal("again", await client.ReadLineAsync());
        await _forwarders.LeaveAsync();
        Repack(records => records with { Connections = [records.Connections[0] with { ClosesOnDown = true }] });
        await _forwarders.StartAsync(listener);

        Assert.Equal("reset", await client.HowItEndsAsync());
        await Eventually.TrueAsync(() => Rig.Logs.Ends.Count == 1);
        Assert.Equal(("backend_down", "one"), (Rig.Logs.Ends[0]["End"], Rig.Logs.Ends[0]["Backend"]));
    }

    private async Task<Socket> EchoedAsync()
    {
        var client = await Rig.ConnectAsync();
        await client.SendTextAsync("hello\n");
        Assert.Equal("hello", await client.ReadLineAsync());
        return client;
    }

    /// <summary>Changes what the last forwarder left.</summary>
    private void Repack(Func<KeptRecords, KeptRecords> change, Func<int[], int[]>? sockets = null)
    {
        using var passed = _forwarders.Store.Pass().TakeDescriptor("sentinel.connections")!;
        var connections = Parcel.Unpack(passed, out _);
        int[] all = [.. connections.SelectMany(connection => new[] { connection.ClientSocket.Number, connection.Relay!.BackendSocket.Number })];
        using var changed = Parcel.Pack(change(new(KeptRecords.CurrentFormat, [.. connections.Select(KeptRecord.Of)])), sockets?.Invoke(all) ?? all);
        Assert.True(_forwarders.Store.Keep("sentinel.connections", changed));
        foreach (var connection in connections)
        {
            connection.Dispose();
        }
    }
}
