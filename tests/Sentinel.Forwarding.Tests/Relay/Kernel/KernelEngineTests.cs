using System.Net.Sockets;
using System.Security.Cryptography;
using Sentinel.Backends;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Relay.Kernel;

/// <summary>The engine in a process of its own, between clients and backends in networks of their own.</summary>
public sealed class KernelEngineTests
{
    [NeedsFact("root", "nft", "ip")]
    public async Task Bytes_go_through_the_kernel_and_are_counted()
    {
        using var rig = new KernelRig();
        rig.Serve("one", KernelRig.One);
        Assert.Equal("ready", await rig.StartAsync(KernelRig.Options));
        await rig.UpAsync("one", KernelRig.One);

        using var client = await rig.ConnectAsync();
        Assert.Equal($"one {KernelRig.Near}", await client.ReadLineAsync());
        var sent = RandomNumberGenerator.GetBytes(3_000_000);
        var received = client.ReadToEndAsync();
        await client.SendAllAsync(sent);
        var open = await rig.UntilAsync(status => status.InKernel == 1 && status.Accepted == 1);
        client.Shutdown(SocketShutdown.Send);

        Assert.Equal(sent, await received);
        Assert.Equal(1, open.Active); // so user space has none
        Assert.Equal(1, open.Loads["one"]);
        var over = await rig.UntilAsync(status => status.InKernel == 0);
        Assert.InRange(over.Figures["sentinel.relay to_backend"], sent.Length, sent.Length * 1.2);
        Assert.InRange(over.Figures["sentinel.relay to_client"], sent.Length, sent.Length * 1.2);
        Assert.Equal(0, over.Loads["one"]);
        Assert.DoesNotContain(over.Logs, line => line.StartsWith("listener.connection.ended", StringComparison.Ordinal));
    }

    [NeedsFact("root", "nft", "ip")]
    public async Task A_switch_moves_only_new_connections()
    {
        using var rig = new KernelRig();
        rig.Serve("one", KernelRig.One);
        rig.Serve("two", KernelRig.Two);
        await rig.StartAsync(KernelRig.Options);
        await rig.UpAsync("one", KernelRig.One);
        await rig.SayAsync("up two");
        using var before = await rig.ConnectAsync();
        await before.ReadLineAsync();

        await rig.SayAsync("drain one");
        await rig.UntilNothingGoesToAsync(KernelRig.One);
        using var after = await rig.ConnectAsync();

        Assert.StartsWith("two ", await after.ReadLineAsync(), StringComparison.Ordinal);
        Assert.Equal("still here", await KernelRig.EchoAsync(before, "still here"));
        var status = await rig.UntilAsync(status => status.InKernel == 2);
        Assert.Equal(1, status.Loads["one"]);
        Assert.Equal(1, status.Loads["two"]);
    }

    [NeedsFact("root", "nft", "ip")]
    public async Task Connections_to_a_backend_that_is_down_are_reset()
    {
        using var rig = new KernelRig();
        rig.Serve("one", KernelRig.One);
        rig.Serve("two", KernelRig.Two);
        await rig.StartAsync(KernelRig.Options);
        await rig.UpAsync("one", KernelRig.One);
        await rig.SayAsync("up two");
        using var client = await rig.ConnectAsync();
        await client.ReadLineAsync();
        await rig.UntilAsync(status => status.InKernel == 1);

        // as a VM that is gone: it answers nothing
        rig.Silence(KernelRig.One);
        await rig.SayAsync("down one");
        var status = await rig.UntilAsync(status => status.InKernel == 0);
        Assert.Equal(1, status.Figures["sentinel.connections backend_down"]);
        Assert.Equal(0, status.Loads["one"]);

        // the client, who says nothing, is told
        Assert.Equal("reset", await client.HowItEndsAsync());
        Assert.DoesNotContain(status.Logs, line => line.StartsWith("kernel.clients", StringComparison.Ordinal));
    }

    [NeedsFact("root", "nft", "ip")]
    public async Task A_connection_that_was_not_answered_is_sent_to_the_next_backend()
    {
        using var rig = new KernelRig();
        rig.Serve("two", KernelRig.Two);
        rig.Silence(KernelRig.One);
        await rig.StartAsync(KernelRig.Options);
        await rig.UpAsync("one", KernelRig.One);
        var connecting = rig.ConnectAsync();
        await rig.UntilAsync(status => status.InKernel == 1);

        await rig.SayAsync("up two");
        await rig.SayAsync("drain one");

        using var client = await connecting;
        Assert.StartsWith("two ", await client.ReadLineAsync(), StringComparison.Ordinal);
    }

    [NeedsFact("root", "nft", "ip")]
    public async Task During_an_outage_user_space_holds_and_afterwards_the_kernel_carries_again()
    {
        using var rig = new KernelRig();
        rig.Serve("one", KernelRig.One);
        await rig.StartAsync(KernelRig.Options);

        using var held = await rig.ConnectAsync();
        await held.SendTextAsync("early\n");
        await rig.UntilAsync(status => status.Held == 1 && status.InKernel == 0);
        await rig.UpAsync("one", KernelRig.One);
        Assert.StartsWith("one ", await held.ReadLineAsync(), StringComparison.Ordinal);
        Assert.Equal("early", await held.ReadLineAsync());
        using var direct = await rig.ConnectAsync();
        Assert.StartsWith("one ", await direct.ReadLineAsync(), StringComparison.Ordinal);
        await rig.UntilAsync(status => status is { Active: 2, InKernel: 1 });

        // the one in user space goes on there while rules come and go
        await rig.SayAsync("drain one");
        await rig.UntilNothingGoesToAsync(KernelRig.One);
        Assert.Equal("both", await KernelRig.EchoAsync(held, "both"));
        Assert.Equal("both", await KernelRig.EchoAsync(direct, "both"));
        using var again = await rig.ConnectAsync();
        await rig.UntilAsync(status => status.Held == 1);
        await rig.UpAsync("one", KernelRig.One);
        Assert.StartsWith("one ", await again.ReadLineAsync(), StringComparison.Ordinal);
    }

    [NeedsFact("root", "nft", "ip")]
    public async Task What_a_killed_sentinel_left_is_taken_over_or_removed()
    {
        using var rig = new KernelRig();
        rig.Serve("one", KernelRig.One);
        await rig.StartAsync(KernelRig.Options);
        await rig.UpAsync("one", KernelRig.One);
        using var client = await rig.ConnectAsync();
        await client.ReadLineAsync();

        rig.Kill();
        Assert.Contains("sentinel_test_00201", rig.Tables, StringComparison.Ordinal);
        Assert.Equal("dead", await KernelRig.EchoAsync(client, "dead"));

        await rig.StartAsync(KernelRig.Options);
        Assert.DoesNotContain("dnat ip", rig.Sentinel.Do("nft", "list", "ruleset"), StringComparison.Ordinal);
        Assert.Equal("alive again", await KernelRig.EchoAsync(client, "alive again"));
        await rig.UpAsync("one", KernelRig.One);
        await rig.UntilAsync(status => status.InKernel == 1);

        rig.Kill();
        Assert.Contains("sentinel_test_00201", rig.Tables, StringComparison.Ordinal);
        var assembly = typeof(KernelEngineTests).Assembly.Location;
        Assert.Equal("clean\n", rig.Sentinel.Do("dotnet", "exec", assembly, "kernel-clean", KernelRig.Options.Name));
        Assert.Empty(rig.Tables);
        Assert.Equal("clean\n", rig.Sentinel.Do("dotnet", "exec", assembly, "kernel-clean", KernelRig.Options.Name));
    }

    [NeedsFact("root", "nft", "ip")]
    public async Task What_a_sentinel_leaves_for_the_next_goes_on_in_between_and_afterwards()
    {
        using var rig = new KernelRig();
        rig.Serve("one", KernelRig.One);
        await rig.StartAsync(KernelRig.Options);
        await rig.UpAsync("one", KernelRig.One);
        using var client = await rig.ConnectAsync();
        await client.ReadLineAsync();
        var (sending, sent, stop) = (Task.CompletedTask, 0L, false);
        using var there = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sending = Task.Run(async () =>
        {
            for (var piece = new byte[50_000]; !Volatile.Read(ref stop); Interlocked.Add(ref sent, piece.Length))
            {
                Random.Shared.NextBytes(piece);
                there.AppendData(piece);
                await client.SendAllAsync(piece);
            }

            client.Shutdown(SocketShutdown.Send);
        });
        await using var stream = new NetworkStream(client);
        var back = SHA256.HashDataAsync(stream);
        await FlowAsync();

        Assert.Equal("left", await rig.SayAsync("leave"));
        await rig.EndAsync();
        Assert.Contains("sentinel_test_00201", rig.Tables, StringComparison.Ordinal);
        await FlowAsync();
        using var between = await rig.ConnectAsync();
        Assert.StartsWith("one ", await between.ReadLineAsync(), StringComparison.Ordinal);

        await rig.StartAsync(KernelRig.Options);
        await FlowAsync();
        await rig.UpAsync("one", KernelRig.One);
        await rig.UntilAsync(status => status.InKernel == 2);
        await FlowAsync();
        Assert.Equal("still here", await KernelRig.EchoAsync(between, "still here"));
        Volatile.Write(ref stop, true);
        await sending;
        Assert.Equal(there.GetHashAndReset(), await back);

        Task FlowAsync()
        {
            var before = Volatile.Read(ref sent);
            return Eventually.TrueAsync(() => Volatile.Read(ref sent) > before + 2_000_000);
        }
    }

    [NeedsFact("root", "nft", "ip")]
    public async Task A_stop_waits_for_connections_and_removes_the_table()
    {
        using var rig = new KernelRig();
        rig.Serve("one", KernelRig.One);
        await rig.StartAsync(KernelRig.Options);
        await rig.UpAsync("one", KernelRig.One);
        using var client = await rig.ConnectAsync();
        await client.ReadLineAsync();

        await rig.Tell("stop");
        await rig.UntilNothingGoesToAsync(KernelRig.One);
        Assert.Equal("not yet", await KernelRig.EchoAsync(client, "not yet"));
        client.Shutdown(SocketShutdown.Send);
        await client.ReadToEndAsync();

        Assert.Equal("stopped", await rig.ReadAsync());
        await rig.EndAsync();
        Assert.Empty(rig.Tables);
    }

    [NeedsFact("root", "nft", "ip")]
    public async Task A_stop_ends_what_does_not_end_in_time()
    {
        using var rig = new KernelRig();
        rig.Serve("one", KernelRig.One);
        await rig.StartAsync(KernelRig.Options);
        await rig.UpAsync("one", KernelRig.One);
        using var client = await rig.ConnectAsync();
        await client.ReadLineAsync();

        await rig.SayAsync("cut");
        Assert.Equal("stopped", await rig.SayAsync("stop"));
        Assert.Equal(1, (await rig.StatusAsync()).Figures["sentinel.connections stopped"]);
        Assert.Equal("reset", await client.HowItEndsAsync());
        await rig.EndAsync();
        Assert.Empty(rig.Tables);
    }

    [NeedsFact("root", "nft", "ip")]
    public async Task Limits_hold()
    {
        using var rig = new KernelRig();
        rig.Serve("one", KernelRig.One);
        rig.Serve("two", KernelRig.Two);
        rig.Clients.Do("ip", "address", "add", "10.27.1.3/32", "dev", "lo");
        await rig.StartAsync(KernelRig.Options with { MaxConnections = 3, MaxConnectionsPerClient = 2 });
        await rig.UpAsync("one", KernelRig.One);
        var clients = new List<Socket> { await rig.ConnectAsync(), await rig.ConnectAsync() };
        await Assert.ThrowsAsync<SocketException>(() => rig.ConnectAsync());

        // the rules are exchanged, and who is in still counts
        await rig.SayAsync("up two");
        await rig.SayAsync("drain one");
        await rig.UntilNothingGoesToAsync(KernelRig.One);
        await Assert.ThrowsAsync<SocketException>(() => rig.ConnectAsync());

        clients.Add(await rig.ConnectAsync(source: "10.27.1.3"));
        await rig.UntilNothingGoesToAsync(KernelRig.Two);
        await (await rig.ConnectAsync(source: "10.27.1.3")).HowItEndsAsync();
        var status = await rig.UntilAsync(status => status.Refused == 3);
        Assert.Equal(2, status.Figures["sentinel.connections client_full"]);
        Assert.Equal(1, status.Figures["sentinel.connections listener_full"]);

        clients[0].Dispose();
        await rig.UpAsync("two", KernelRig.Two);
        using var next = await rig.ConnectAsync();
        Assert.StartsWith("two ", await next.ReadLineAsync(), StringComparison.Ordinal);
    }

    [NeedsFact("root", "nft", "ip")]
    public async Task IPv6_and_unspecified_addresses_work_too()
    {
        using var rig = new KernelRig();
        rig.Serve("six", KernelRig.One6);
        await rig.StartAsync(KernelRig.Options with { Listen = ["0.0.0.0:22", "[::]:22"], Backends = new() { ["six"] = KernelRig.One6 } });
        await rig.UpAsync("six", KernelRig.One6);

        using var six = await rig.ConnectAsync(KernelRig.At6);
        Assert.Equal("six fd27:2::1", await six.ReadLineAsync());
        Assert.Equal("through", await KernelRig.EchoAsync(six, "through"));
        await rig.UntilAsync(status => status is { Active: 1, InKernel: 1 });

        await rig.SayAsync("down six");
        Assert.Equal("reset", await six.HowItEndsAsync());
        await rig.UpAsync("six", KernelRig.One6);

        // no way from IPv4 to IPv6 in the kernel: user space has one
        using var four = await rig.ConnectAsync();
        Assert.Equal("six fd27:2::1", await four.ReadLineAsync());
        await rig.UntilAsync(status => status is { Active: 1, InKernel: 0 });
    }

    [NeedsFact("root", "nft", "ip")]
    public async Task The_sentinels_own_machine_is_served_by_user_space()
    {
        using var rig = new KernelRig();
        rig.Serve("one", KernelRig.One);
        await rig.StartAsync(KernelRig.Options with { Listen = ["0.0.0.0:22"] });
        await rig.UpAsync("one", KernelRig.One);

        using var local = await rig.ConnectAsync("127.0.0.1:22", rig.Sentinel);
        Assert.StartsWith("one ", await local.ReadLineAsync(), StringComparison.Ordinal);
        using var self = await rig.ConnectAsync(KernelRig.At, rig.Sentinel);
        Assert.StartsWith("one ", await self.ReadLineAsync(), StringComparison.Ordinal);
        await rig.UntilAsync(status => status is { Active: 2, InKernel: 0 });
    }

    [NeedsFact("root", "nft", "ip")]
    public async Task Round_robin_is_the_kernels_too()
    {
        using var rig = new KernelRig();
        rig.Serve("one", KernelRig.One);
        rig.Serve("two", KernelRig.Two);
        await rig.StartAsync(KernelRig.Options with { Policy = PoolPolicy.RoundRobin });
        await rig.SayAsync("up one");
        await rig.UpAsync("two", KernelRig.Two);

        var names = new List<string>();
        for (var i = 0; i < 4; i++)
        {
            names.Add((await (await rig.ConnectAsync()).ReadLineAsync()).Split(' ')[0]);
        }

        Assert.Equal(["one", "one", "two", "two"], names.Order());
        Assert.NotEqual(names[0], names[1]);
    }

    [NeedsFact("root", "nft", "ip")]
    public async Task A_table_that_somebody_flushed_comes_back()
    {
        using var rig = new KernelRig();
        rig.Serve("one", KernelRig.One);
        await rig.StartAsync(KernelRig.Options);
        await rig.UpAsync("one", KernelRig.One);

        rig.Sentinel.Do("nft", "flush", "ruleset");
        await Eventually.TrueAsync(() => rig.Sentinel.Do("nft", "list", "ruleset").Contains("dnat ip", StringComparison.Ordinal));
        using var client = await rig.ConnectAsync();
        Assert.StartsWith("one ", await client.ReadLineAsync(), StringComparison.Ordinal);
        await rig.UntilAsync(status => status.InKernel == 1);
        Assert.Contains((await rig.StatusAsync()).Logs, line => line.StartsWith("kernel.table.lost", StringComparison.Ordinal));
    }

    [NeedsFact("root", "nft", "ip")]
    public async Task A_machine_that_forwards_nothing_is_told_what_to_set()
    {
        using var rig = new KernelRig();
        rig.Sentinel.Do("sysctl", "-qw", "net.ipv4.ip_forward=0");

        Assert.Contains("sysctl -w net.ipv4.ip_forward=1 ", await rig.StartAsync(KernelRig.Options), StringComparison.Ordinal);
    }
}
