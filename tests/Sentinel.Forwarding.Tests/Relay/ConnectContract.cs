using System.Net;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Relay;

/// <summary>How a connection comes in and finds its backend.</summary>
public abstract class ConnectContract(RelayEngine engine)
{
    [Fact]
    public async Task AnotherBackendIsTriedWhenTheFirstRefuses()
    {
        await using var rig = new Rig(engine);
        var told = new List<BackendId>();
        rig.Pools.DialFailed += told.Add;
        rig.Claim("a", Loopback.Next().ToString());
        rig.Port = 0;
        rig.Serve("b", TestBackend.Named("b"));
        await rig.StartAsync(rig.Listener());

        var client = await rig.ConnectAsync();

        Assert.Equal("b", await client.ReadLineAsync());
        Assert.Equal([new("a")], told);
        Assert.Equal(0, rig.Pools.Current.Backends[new("a")].Load.Connections);
        Assert.Equal(1, rig.Pools.Current.Backends[new("b")].Load.Connections);
    }

    [Fact]
    public async Task AnotherBackendIsTriedWhenTheFirstDoesNotAnswer()
    {
        await using var rig = new Rig(engine);

        // Nobody listens there, and nothing tells so: a full backlog drops what knocks.
        var address = Loopback.Next();
        using var deaf = new DeafBackend(address);
        rig.Port = deaf.Port;
        rig.Claim("a", address.ToString());
        rig.Serve("b", TestBackend.Named("b"));
        await rig.StartAsync(rig.Listener() with { ConnectTimeout = TimeSpan.FromMilliseconds(200) });

        var client = await rig.ConnectAsync();

        Assert.Equal("b", await client.ReadLineAsync());
    }

    [Fact]
    public async Task ABackendMayBeGivenByName()
    {
        await using var rig = new Rig(engine);
        rig.Start(TestBackend.Named("a"), IPAddress.Loopback);
        rig.Claim("a", "localhost");
        await rig.StartAsync(rig.Listener());

        var client = await rig.ConnectAsync();

        Assert.Equal("a", await client.ReadLineAsync());
    }

    [Fact]
    public async Task OneMoreThanTheListenerTakesIsClosedAtOnceAndCounted()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", TestBackend.Named("a"));
        await rig.StartAsync(rig.Listener() with { MaxConnections = 2 });

        var first = await rig.ConnectAsync();
        var second = await rig.ConnectAsync();
        Assert.Equal("a", await first.ReadLineAsync());
        Assert.Equal("a", await second.ReadLineAsync());
        var third = await rig.ConnectAsync();
        Assert.Equal("", await third.ReadTextToEndAsync());
        Assert.Equal((2, 2L, 1L), (rig.Status().Connections, rig.Status().Accepted, rig.Status().Refused));

        first.Dispose();
        await Eventually.TrueAsync(() => rig.Status().Connections == 1);
        Assert.Equal("a", await (await rig.ConnectAsync()).ReadLineAsync());
        await Eventually.TrueAsync(() => rig.Logs.Lines.Any(line => line.Event == "listener.connections.refused" && line["Count"] == "1"));
    }

    [Fact]
    public async Task OneClientMayNotTakeAllPlaces()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", TestBackend.Named("a"));
        await rig.StartAsync(rig.Listener() with { MaxConnectionsPerClient = 1 });
        var (greedy, modest) = (Loopback.Next(), Loopback.Next());

        var first = await rig.ConnectAsync(from: greedy);
        Assert.Equal("a", await first.ReadLineAsync());
        Assert.Equal("", await (await rig.ConnectAsync(from: greedy)).ReadTextToEndAsync());
        Assert.Equal("a", await (await rig.ConnectAsync(from: modest)).ReadLineAsync());

        first.Dispose();
        await Eventually.TrueAsync(() => rig.Status().Connections == 1);
        Assert.Equal("a", await (await rig.ConnectAsync(from: greedy)).ReadLineAsync());
    }

    [Fact]
    public async Task ABurstIsServedWhole()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", TestBackend.EchoAsync);
        await rig.StartAsync(rig.Listener());

        var clients = await Task.WhenAll(Enumerable.Range(0, 300).Select(_ => rig.ConnectAsync()));
        await Task.WhenAll(clients.Select(async (client, i) =>
        {
            await client.SendTextAsync($"{i}\n");
            Assert.Equal($"{i}", await client.ReadLineAsync());
        }));

        Assert.Equal(300, rig.Status().Connections);
        Assert.Equal(300, rig.Pools.Current.Backends[new("a")].Load.Connections);
        foreach (var client in clients)
        {
            client.Dispose();
        }

        await Eventually.TrueAsync(() => rig.Status().Connections == 0 && rig.Pools.Current.Backends[new("a")].Load.Connections == 0);
    }

    [NeedsFact("linux")]
    public async Task TwoThousandConnectionsLeaveNoDescriptorBehind()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", TestBackend.EchoAsync);
        rig.Claim("b", Loopback.Next().ToString());
        await rig.StartAsync(rig.Listener());
        await RunAsync(rig, 100);
        var before = Descriptors();

        await RunAsync(rig, 2000);

        await Eventually.TrueAsync(() => rig.Status().Connections == 0);

        // Other tests of this process come and go meanwhile.
        await Eventually.TrueAsync(() => Descriptors() < before + 200);
    }

    private static int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;

    private static async Task RunAsync(Rig rig, int count)
    {
        var random = new Random(1);
        var kinds = Enumerable.Range(0, count).Select(_ => random.Next(4)).ToArray();
        await Parallel.ForEachAsync(kinds, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (kind, _) =>
        {
            var client = await rig.ConnectAsync();
            await client.SendTextAsync("x\n");
            if (kind == 0)
            {
                client.Reset();
                return;
            }

            Assert.Equal("x", await client.ReadLineAsync());
            if (kind == 1)
            {
                client.Shutdown(System.Net.Sockets.SocketShutdown.Send);
                await client.ReadToEndAsync();
            }

            client.Dispose();
        });
    }
}
