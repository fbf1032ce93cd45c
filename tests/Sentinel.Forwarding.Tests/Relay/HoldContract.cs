using System.Net.Sockets;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Relay;

/// <summary>How a connection waits for its backend.</summary>
public abstract class HoldContract(RelayEngine engine)
{
    [Fact]
    public async Task AConnectionWaitsAndIsServedByWhoeverComesBack()
    {
        await using var rig = new Rig(engine);
        rig.ServeLater("a", TestBackend.Named("a"));
        rig.ServeLater("b", TestBackend.EchoAsync);
        await rig.StartAsync(rig.Listener());

        var client = await rig.ConnectAsync();
        await client.SendTextAsync("first words\n");
        await Eventually.TrueAsync(() => rig.Status() is { Held: 1, Connections: 1 });
        rig.Report("b", healthy: true);

        Assert.Equal("first words", await client.ReadLineAsync());
        Assert.Equal(0, rig.Status().Held);
    }

    [Fact]
    public async Task AConnectionIsClosedWhenItsHoldIsOver()
    {
        var time = new ManualTimeProvider();
        await using var rig = new Rig(engine, time);
        rig.ServeLater("a", TestBackend.EchoAsync);
        await rig.StartAsync(rig.Listener() with { Hold = TimeSpan.FromSeconds(120) });

        var client = await rig.ConnectAsync();
        await Eventually.TrueAsync(() => rig.Status().Held == 1);
        time.Advance(TimeSpan.FromSeconds(119));
        Assert.Equal(1, rig.Status().Held);
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("", await client.ReadTextToEndAsync());
        await Eventually.TrueAsync(() => rig.Logs.Ends.Count == 1);
        Assert.Equal(("no_backend", null), (rig.Logs.Ends[0]["End"], rig.Logs.Ends[0]["Backend"]));
    }

    [Fact]
    public async Task WithoutHoldAConnectionIsClosedAtOnce()
    {
        await using var rig = new Rig(engine);
        rig.ServeLater("a", TestBackend.EchoAsync);
        await rig.StartAsync(rig.Listener() with { Hold = TimeSpan.Zero });

        Assert.Equal("", await (await rig.ConnectAsync()).ReadTextToEndAsync());
        await Eventually.TrueAsync(() => rig.Logs.Ends.Count == 1);
        Assert.Equal("no_backend", rig.Logs.Ends[0]["End"]);
    }

    [Fact]
    public async Task OneMoreThanMayWaitIsClosedAtOnce()
    {
        await using var rig = new Rig(engine);
        rig.ServeLater("a", TestBackend.Named("a"));
        await rig.StartAsync(rig.Listener() with { HoldLimit = 2 });

        var first = await rig.ConnectAsync();
        var second = await rig.ConnectAsync();
        await Eventually.TrueAsync(() => rig.Status().Held == 2);
        Assert.Equal("", await (await rig.ConnectAsync()).ReadTextToEndAsync());
        await Eventually.TrueAsync(() => rig.Status() is { Connections: 2, Refused: 1 });

        rig.Report("a", healthy: true);
        Assert.Equal("a", await first.ReadLineAsync());
        Assert.Equal("a", await second.ReadLineAsync());
    }

    [Fact]
    public async Task AConnectionThatCouldNotReachAHealthyBackendWaitsAndTriesAgain()
    {
        await using var rig = new Rig(engine);
        var address = Loopback.Next();
        rig.Port = 2201;
        rig.Claim("a", address.ToString());
        await rig.StartAsync(rig.Listener());

        var client = await rig.ConnectAsync();
        await Eventually.TrueAsync(() => rig.Status().Held == 1);
        rig.Start(TestBackend.Named("a"), address);

        Assert.Equal("a", await client.ReadLineAsync());
    }

    [Fact]
    public async Task AWaitingClientThatSaidNothingAndClosesHasLeft()
    {
        await using var rig = new Rig(engine);
        var backend = rig.ServeLater("a", TestBackend.EchoAsync);
        await rig.StartAsync(rig.Listener());

        var client = await rig.ConnectAsync();
        await Eventually.TrueAsync(() => rig.Status().Held == 1);
        client.Dispose();
        await Eventually.TrueAsync(() => rig.Logs.Ends.Count == 1);

        Assert.Equal("client_left", rig.Logs.Ends[0]["End"]);
        Assert.Equal((0, 0), (rig.Status().Held, rig.Status().Connections));
        rig.Report("a", healthy: true);
        Assert.Equal(0, backend.Accepted);
    }

    [Fact]
    public async Task AWaitingClientThatSpokeAndFinishedStaysForItsAnswer()
    {
        await using var rig = new Rig(engine);
        rig.ServeLater("a", TestBackend.EchoAsync);
        await rig.StartAsync(rig.Listener());

        var client = await rig.ConnectAsync();
        await client.SendTextAsync("cat | ssh");
        client.Shutdown(SocketShutdown.Send);
        await Eventually.TrueAsync(() => rig.Status().Held == 1);
        rig.Report("a", healthy: true);

        Assert.Equal("cat | ssh", await client.ReadTextToEndAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AWaitingClientThatBreaksOffHasLeft(bool spoke)
    {
        await using var rig = new Rig(engine);
        rig.ServeLater("a", TestBackend.EchoAsync);
        await rig.StartAsync(rig.Listener());

        var client = await rig.ConnectAsync();
        if (spoke)
        {
            await client.SendTextAsync("hello");
        }

        await Eventually.TrueAsync(() => rig.Status().Held == 1);
        client.Reset();
        await Eventually.TrueAsync(() => rig.Logs.Ends.Count == 1);

        Assert.Equal("client_left", rig.Logs.Ends[0]["End"]);
        Assert.Equal((0, 0), (rig.Status().Held, rig.Status().Connections));
    }

    [Fact]
    public async Task AWaveIsLetThroughInOrderAndAtItsRate()
    {
        var time = new ManualTimeProvider();
        await using var rig = new Rig(engine, time);
        rig.ServeLater("a", TestBackend.EchoAsync);
        await rig.StartAsync(rig.Listener() with { HoldRelease = 20 });

        var clients = new List<Socket>();
        for (var i = 0; i < 10; i++)
        {
            clients.Add(await rig.ConnectAsync());
            await clients[i].SendTextAsync($"{i}\n");
            await Eventually.TrueAsync(() => rig.Status().Held == i + 1);
            time.Advance(TimeSpan.FromMilliseconds(1));
        }

        // A tenth of a second's worth at once, then one every 50 ms.
        rig.Report("a", healthy: true);
        for (var served = 2; served <= 10; served++)
        {
            Assert.Equal($"{served - 1}", await clients[served - 1].ReadLineAsync());
            Assert.Equal(10 - served, rig.Status().Held);
            time.Advance(TimeSpan.FromMilliseconds(50));
        }
    }
}
