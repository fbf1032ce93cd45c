using System.Net.Sockets;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.HandOver;

// What cannot go on as it was: another format, a torn parcel, a full store, a configuration that changed in between.
public abstract partial class HandOverTests
{
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
