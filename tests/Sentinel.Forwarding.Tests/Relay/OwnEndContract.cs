using System.Net.Sockets;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Relay;

/// <summary>How we end a connection.</summary>
public abstract class OwnEndContract(RelayEngine engine)
{
    [Fact]
    public async Task AConnectionThatMovesNothingIsClosedAfterTheIdleTimeout()
    {
        var time = new ManualTimeProvider();
        await using var rig = new Rig(engine, time);
        rig.Serve("a", TestBackend.EchoAsync);
        await rig.StartAsync(rig.Listener() with { IdleTimeout = TimeSpan.FromSeconds(60) });

        var client = await rig.ConnectAsync();
        for (var i = 0; i < 3; i++)
        {
            await client.SendTextAsync("x\n");
            Assert.Equal("x", await client.ReadLineAsync());
            time.Advance(TimeSpan.FromSeconds(50));
        }

        Assert.Equal(1, rig.Status().Connections);
        time.Advance(TimeSpan.FromSeconds(15));

        Assert.Equal("reset", await client.HowItEndsAsync());
        await Eventually.TrueAsync(() => rig.Logs.Ends.Count == 1);
        Assert.Equal("idle", rig.Logs.Ends[0]["End"]);
    }

    [Fact]
    public async Task ConnectionsToABackendThatIsDeclaredDownAreClosed()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", TestBackend.Named("a"));
        rig.Serve("b", TestBackend.Named("b"));
        await rig.StartAsync(rig.Listener());

        var first = await rig.ConnectAsync();
        Assert.Equal("a", await first.ReadLineAsync());
        rig.Report("a", healthy: false);
        Assert.Equal("reset", await first.HowItEndsAsync());
        await Eventually.TrueAsync(() => rig.Logs.Ends.Count == 1);
        Assert.Equal(("backend_down", "a"), (rig.Logs.Ends[0]["End"], rig.Logs.Ends[0]["Backend"]));

        var second = await rig.ConnectAsync();
        Assert.Equal("b", await second.ReadLineAsync());
        rig.Report("a", healthy: true);
        rig.Report("a", healthy: false);
        Assert.Equal(1, rig.Status().Connections);
        rig.Forget("b");
        Assert.Equal("reset", await second.HowItEndsAsync());
    }

    [Fact]
    public async Task ConnectionsMayBeLeftToABackendThatIsDeclaredDown()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", TestBackend.EchoAsync);
        await rig.StartAsync(rig.Listener() with { CloseOnDown = false });

        var client = await rig.ConnectAsync();
        await client.SendTextAsync("x\n");
        Assert.Equal("x", await client.ReadLineAsync());
        rig.Report("a", healthy: false);

        await client.SendTextAsync("y\n");
        Assert.Equal("y", await client.ReadLineAsync());
    }

    [Fact]
    public async Task AStopLetsConnectionsFinish()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", TestBackend.EchoAsync);
        await rig.StartAsync(rig.Listener());
        var client = await rig.ConnectAsync();
        await client.SendTextAsync("x\n");
        Assert.Equal("x", await client.ReadLineAsync());

        var stopped = rig.Forwarder.StopAsync(CancellationToken.None);
        await Assert.ThrowsAsync<SocketException>(() => rig.ConnectAsync());
        Assert.False(rig.Status().Bound);
        Assert.False(stopped.IsCompleted);
        await client.SendTextAsync("y");
        client.Shutdown(SocketShutdown.Send);

        Assert.Equal("y", await client.ReadTextToEndAsync());
        await stopped.WaitAsync(Eventually.Patience);
        Assert.Equal("completed", Assert.Single(rig.Logs.Ends)["End"]);
    }

    [Fact]
    public async Task AStopEndsWhatIsNotOverWithinTheDrainTime()
    {
        var time = new ManualTimeProvider();
        await using var rig = new Rig(engine, time);
        rig.Serve("a", TestBackend.Named("a"));
        await rig.StartAsync(rig.Listener() with { Drain = TimeSpan.FromSeconds(30) });
        var client = await rig.ConnectAsync();
        Assert.Equal("a", await client.ReadLineAsync());

        var stopped = rig.Forwarder.StopAsync(CancellationToken.None);
        time.Advance(TimeSpan.FromSeconds(29));
        Assert.False(stopped.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));

        await stopped.WaitAsync(Eventually.Patience);
        Assert.Equal("reset", await client.HowItEndsAsync());
        Assert.Equal("stopped", Assert.Single(rig.Logs.Ends)["End"]);
    }

    [Fact]
    public async Task ASecondWordStopsAtOnceAlsoThoseWhoWaitOrDial()
    {
        await using var rig = new Rig(engine);
        var address = Loopback.Next();
        using var deaf = new DeafBackend(address);
        rig.Port = deaf.Port;
        rig.Claim("deaf", address.ToString());
        var dialling = rig.Listener("dialling") with { ConnectTimeout = TimeSpan.FromHours(1) };
        var waiting = rig.Listener("waiting") with { Pool = new("nobody"), Bind = [new(new(rig.At.Address, 2201), null)] };
        await rig.StartAsync(dialling, waiting);
        var first = await rig.ConnectAsync();
        var second = await rig.ConnectAsync(new(rig.At.Address, 2201));
        await Eventually.TrueAsync(() => rig.Status("dialling").Connections == 1 && rig.Status("waiting").Held == 1);

        using var now = new CancellationTokenSource();
        var stopped = rig.Forwarder.StopAsync(now.Token);
        Assert.False(stopped.IsCompleted);
        now.Cancel();

        await stopped.WaitAsync(Eventually.Patience);
        Assert.Equal(["stopped", "stopped"], rig.Logs.Ends.Select(end => end["End"]));
        Assert.Equal("", await first.ReadTextToEndAsync());
        Assert.Equal("", await second.ReadTextToEndAsync());
    }

    [Fact]
    public async Task ABackendThatNeverReadsHoldsItsClientBackAndNobodyElse()
    {
        var time = new ManualTimeProvider();
        await using var rig = new Rig(engine, time);
        var isFirst = true;
        rig.Serve("a", socket => Interlocked.Exchange(ref isFirst, false) ? TestBackend.Nothing(socket) : TestBackend.EchoAsync(socket));
        await rig.StartAsync(rig.Listener() with { IdleTimeout = TimeSpan.FromSeconds(60) });

        var stuck = await rig.ConnectAsync();
        var sent = 0;
        using (var sending = new CancellationTokenSource())
        {
            // What three sockets hold at most, and no more in between: it stops somewhere.
            var flood = Task.Run(async () =>
            {
                while (true)
                {
                    Interlocked.Add(ref sent, await stuck.SendAsync(new byte[64 * 1024], sending.Token));
                }
            });
            var last = -1;
            await Eventually.TrueAsync(async () =>
            {
                var before = last;
                last = Volatile.Read(ref sent);
                await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System);
                return before == last && last > 0;
            });
            await sending.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => flood);
        }

        Assert.InRange(sent, 1, 64 << 20);
        var other = await rig.ConnectAsync();
        await other.SendTextAsync("x\n");
        Assert.Equal("x", await other.ReadLineAsync());

        time.Advance(TimeSpan.FromSeconds(61));
        await Eventually.TrueAsync(() => rig.Logs.Ends.Any(end => end["End"] == "idle"));
        Assert.Equal("reset", await stuck.HowItEndsAsync());
    }
}
