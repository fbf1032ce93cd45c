using System.Net;
using System.Net.Sockets;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Listeners;

public class BinderTests
{
    [Fact]
    public void IPv6StandsBesideIPv4OnOnePort()
    {
        using var v4 = Open(new(IPAddress.Any, 0));
        using var v6 = Open(new(IPAddress.IPv6Any, ((IPEndPoint)v4.LocalEndPoint!).Port));

        Assert.False(v6.DualMode);
    }

    [Fact]
    public void TheSameAddressIsNotSharedEvenBetweenTwoOfUs()
    {
        using var first = Open(new(Loopback.Next(), 0));

        Assert.Empty(Binder.Open(new((IPEndPoint)first.LocalEndPoint!, null), PassedSockets.None, out var error));
        Assert.Contains("in use", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheLoopsShowThatTheyLiveThoughNobodyConnects()
    {
        var time = new ManualTimeProvider();
        await using var rig = new Rig(time: time);
        rig.Serve("a", TestBackend.EchoAsync);
        await rig.StartAsync(rig.Listener());
        await Eventually.TrueAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(31));
            return rig.Loops.Stuck().Count == 0;
        });

        // A step of the clock longer than any silence runs each second's beat on the way.
        time.Advance(TimeSpan.FromMinutes(10));
        Assert.Empty(rig.Loops.Stuck());
    }

    private static Socket Open(IPEndPoint at)
    {
        var sockets = Binder.Open(new(at, null), PassedSockets.None, out var error);
        Assert.Null(error);
        return Assert.Single(sockets);
    }
}
