using System.Net;
using System.Net.Sockets;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Relay;

/// <summary>The client's own address as the source. On loopback every address is this machine's, so that no rules are needed.</summary>
public abstract class TransparentContract(RelayEngine engine)
{
    [NeedsFact("root")]
    public async Task ABackendSeesTheClientAndOneOfAnotherFamilyIsPassedOver()
    {
        await using var rig = new Rig(engine);
        var told = new List<string>();
        rig.Pools.DialFailed += backend => told.Add(backend.Name);
        rig.Claim("a", "::1");
        rig.Port = 0;
        rig.Serve("b", SayWhoAsync);
        await rig.StartAsync(rig.Listener() with { Transparent = true });

        for (var i = 0; i < 3; i++)
        {
            var from = Loopback.Next();
            Assert.Equal($"{from}", await (await rig.ConnectAsync(from: from)).ReadLineAsync());
        }

        Assert.Empty(told);
    }

    [NeedsFact("root")]
    public async Task WhomAProxyNamesIsWhoComes()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", SayWhoAsync);
        await rig.StartAsync(rig.Listener() with { Transparent = true, AcceptProxyProtocolFrom = [IPNetwork.Parse("127.21.0.0/16")] });

        var client = await rig.ConnectAsync(from: Loopback.Next());
        await client.SendTextAsync("PROXY TCP4 127.62.0.9 127.62.0.1 4711 22\r\n");

        Assert.Equal("127.62.0.9", await client.ReadLineAsync());
    }

    private static async Task SayWhoAsync(Socket socket)
    {
        await socket.SendTextAsync($"{((IPEndPoint)socket.RemoteEndPoint!).Address}\n");
        await TestBackend.EchoAsync(socket);
    }
}
