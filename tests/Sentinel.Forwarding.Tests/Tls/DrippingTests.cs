using System.Net.Sockets;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Http;
using Sentinel.Testing;
using static Sentinel.Forwarding.Tests.Prefaces.HelloBytes;

namespace Sentinel.Forwarding.Tests.Tls;

/// <summary>Many who never finish a large hello. Alone: what other tests have alive would count too.</summary>
[Collection("memory")]
public sealed class DrippingTests
{
    private const int Crowd = 500;

    // Bytes. The sockets of both sides and who waits for them take about 3.5 KiB; a buffer for half a hello would be 16 more.
    private const int MostOfOne = 8 * 1024;

    public static TheoryData<ListenerProtocol, RelayEngine> Listeners => OperatingSystem.IsLinux()
        ? new() { { ListenerProtocol.Tls, RelayEngine.Managed }, { ListenerProtocol.Tls, RelayEngine.Splice }, { ListenerProtocol.Https, RelayEngine.Auto } }
        : new() { { ListenerProtocol.Tls, RelayEngine.Managed }, { ListenerProtocol.Https, RelayEngine.Auto } };

    [Theory]
    [MemberData(nameof(Listeners))]
    public async Task Half_a_large_hello_costs_little_memory_and_no_more_than_its_time(ListenerProtocol protocol, RelayEngine engine)
    {
        var time = new ManualTimeProvider();
        await using var stage = await HttpStage.StartAsync(
            [new(Kit.Loopback.Next(), 1)],
            settings => settings with { Protocol = protocol, Engine = engine, MaxConnections = Crowd },
            certificates: new("h"),
            time: time);

        // what is made once
        using (await DripAsync(stage, time, 50, engine))
        {
            await LetGoAsync(stage, time);
        }

        var before = GC.GetTotalMemory(forceFullCollection: true);
        using var clients = await DripAsync(stage, time, Crowd, engine);
        var each = (GC.GetTotalMemory(forceFullCollection: true) - before) / Crowd;

        await LetGoAsync(stage, time);

        Assert.True(each <= MostOfOne, $"{each} bytes each");
        Assert.Equal(Crowd + 50, stage.Logs.Ends.Count(end => (string?)end["End"] == "idle"));
    }

    /// <summary>Half a hello of 16 KiB, in pieces, each of which is looked at.</summary>
    private static async Task<Sockets> DripAsync(HttpStage stage, ManualTimeProvider time, int count, RelayEngine engine)
    {
        var hello = Make(Extension(21, new byte[16 * 1024]));
        var clients = new Sockets();
        for (var i = 0; i < count; i++)
        {
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            clients.Add(client);
            client.Connect(stage.EndPoint);
        }

        for (var sent = 0; sent < hello.Length / 2; sent += 1024)
        {
            clients.ForEach(client => client.Send(hello.AsSpan(sent, 1024)));
            time.Advance(TimeSpan.FromMilliseconds(250));

            // The loop of the splicing relay is told of each piece; others look again by the clock, and wait for that and for the end of their time.
            await Eventually.TrueAsync(() => stage.Status.Connections == count && (engine == RelayEngine.Splice || time.PendingTimers >= 2 * count));
        }

        return clients;
    }

    private static Task LetGoAsync(HttpStage stage, ManualTimeProvider time) => Eventually.TrueAsync(() =>
    {
        time.Advance(TimeSpan.FromSeconds(10));
        return stage.Status.Connections == 0;
    });

    private sealed class Sockets : List<Socket>, IDisposable
    {
        public void Dispose() => ForEach(client => client.Dispose());
    }
}
