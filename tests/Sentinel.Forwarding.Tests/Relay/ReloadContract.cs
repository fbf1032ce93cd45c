using System.Net;
using System.Net.Sockets;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Relay;

/// <summary>How listeners change under their connections.</summary>
public abstract class ReloadContract(RelayEngine engine)
{
    [Fact]
    public async Task AConnectionKeepsTheRulesItCameUnder()
    {
        var time = new ManualTimeProvider();
        await using var rig = new Rig(engine, time);
        rig.Serve("a", TestBackend.EchoAsync);
        await rig.StartAsync(rig.Listener());
        var old = await rig.ConnectAsync();
        await old.SendTextAsync("x\n");
        Assert.Equal("x", await old.ReadLineAsync());

        await rig.StartAsync(rig.Listener() with { IdleTimeout = TimeSpan.FromSeconds(10), MaxConnections = 2 });
        var newcomer = await rig.ConnectAsync();
        await newcomer.SendTextAsync("y\n");
        Assert.Equal("y", await newcomer.ReadLineAsync());
        Assert.Equal("", await (await rig.ConnectAsync()).ReadTextToEndAsync());
        time.Advance(TimeSpan.FromSeconds(12));

        Assert.Equal("reset", await newcomer.HowItEndsAsync());
        await old.SendTextAsync("z\n");
        Assert.Equal("z", await old.ReadLineAsync());
        Assert.Equal(2, rig.Status().Accepted);
    }

    [Fact]
    public async Task AnAddressMayMoveToAnotherListenerAndItsConnectionsStay()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", TestBackend.EchoAsync);
        var other = new IPEndPoint(rig.At.Address, 2201);
        var first = rig.Listener("first");
        var second = rig.Listener("second") with { Bind = [new(other, null)] };
        await rig.StartAsync(first, second);
        var client = await rig.ConnectAsync();
        await client.SendTextAsync("x\n");
        Assert.Equal("x", await client.ReadLineAsync());

        await rig.StartAsync(first with { Bind = second.Bind }, second with { Bind = first.Bind });

        await client.SendTextAsync("y\n");
        Assert.Equal("y", await client.ReadLineAsync());
        Assert.Equal((1, 0), (rig.Status("first").Connections, rig.Status("second").Connections));
        var newcomer = await rig.ConnectAsync();
        await newcomer.SendTextAsync("z\n");
        Assert.Equal("z", await newcomer.ReadLineAsync());
        Assert.Equal((1, 1), (rig.Status("first").Connections, rig.Status("second").Connections));
    }

    [Fact]
    public async Task AListenerThatGoesDrainsWhileItsAddressServesAnother()
    {
        var time = new ManualTimeProvider();
        await using var rig = new Rig(engine, time);
        rig.Serve("a", TestBackend.EchoAsync);
        await rig.StartAsync(rig.Listener("old") with { Drain = TimeSpan.FromSeconds(30) });
        var client = await rig.ConnectAsync();
        await client.SendTextAsync("x\n");
        Assert.Equal("x", await client.ReadLineAsync());

        await rig.StartAsync(rig.Listener("new"));
        var newcomer = await rig.ConnectAsync();
        await newcomer.SendTextAsync("y\n");
        Assert.Equal("y", await newcomer.ReadLineAsync());
        time.Advance(TimeSpan.FromSeconds(29));
        await client.SendTextAsync("z\n");
        Assert.Equal("z", await client.ReadLineAsync());
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("reset", await client.HowItEndsAsync());
        await newcomer.SendTextAsync("w\n");
        Assert.Equal("w", await newcomer.ReadLineAsync());
        await Eventually.TrueAsync(() => rig.Logs.Lines.Any(line => line.Event == "listener.gone" && line["Listener"] == "old"));
    }

    [Fact]
    public async Task AnAddressThatIsTakenIsReportedAndNothingChanges()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", TestBackend.Named("a"));
        await rig.StartAsync(rig.Listener());
        using var squatter = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        squatter.Bind(new IPEndPoint(Loopback.Next(), 2201));
        squatter.Listen();
        var free = new IPEndPoint(Loopback.Next(), 2202);

        using var change = await rig.Forwarder.PrepareAsync(
        [
            rig.Listener() with { MaxConnections = 1 },
            rig.Listener("free") with { Bind = [new(free, null)] },
            rig.Listener("taken") with { Bind = [new((IPEndPoint)squatter.LocalEndPoint!, null)] },
            rig.Listener("foreign") with { Bind = [new(new(IPAddress.Parse("192.0.2.1"), 2203), null)] },
            rig.Listener("unpassed") with { Bind = [new(null, "ssh")] },
        ]);

        Assert.Equal(["taken", "foreign", "unpassed"], change.Errors.Select(error => error.Listener));
        Assert.Contains("in use", change.Errors[0].Reason, StringComparison.Ordinal);
        Assert.Contains("no interface", change.Errors[1].Reason, StringComparison.Ordinal);
        Assert.Contains("FileDescriptorName=ssh", change.Errors[2].Reason, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(change.Commit);
        Assert.Equal(["ssh"], rig.Forwarder.Statuses.Select(status => status.Settings.Name));
        Assert.Equal(10_000, rig.Status().Settings.MaxConnections);
        Assert.Equal("a", await (await rig.ConnectAsync()).ReadLineAsync());
        await Assert.ThrowsAsync<SocketException>(() => rig.ConnectAsync(free));
    }

    [Fact]
    public async Task AnAbandonedChangeFreesItsAddresses()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", TestBackend.Named("a"));
        await rig.StartAsync(rig.Listener());
        var extra = rig.Listener("extra") with { Bind = [new(new(Loopback.Next(), 2201), null)] };

        (await rig.Forwarder.PrepareAsync([extra])).Dispose();
        await rig.StartAsync(rig.Listener(), extra);

        Assert.Equal("a", await (await rig.ConnectAsync()).ReadLineAsync());
        Assert.Equal("a", await (await rig.ConnectAsync(extra.Bind[0].EndPoint)).ReadLineAsync());
    }

    [Fact]
    public async Task ARestartBindsWhileConnectionsOfTheLastRunLinger()
    {
        var at = new IPEndPoint(Loopback.Next(), 2200);
        for (var run = 0; run < 3; run++)
        {
            await using var rig = new Rig(engine);
            rig.Serve("a", socket =>
            {
                socket.Dispose();
                return Task.CompletedTask;
            });
            await rig.StartAsync(rig.Listener() with { Bind = [new(at, null)] });
            var client = await rig.ConnectAsync(at);
            Assert.Equal("end", await client.HowItEndsAsync());
        }
    }
}
