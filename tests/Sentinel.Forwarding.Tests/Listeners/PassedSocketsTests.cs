using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Listeners;

public partial class PassedSocketsTests
{
    [NeedsFact("linux")]
    public async Task SocketsOfOneNameAreServedAndOutliveTheirListener()
    {
        using var first = Listening();
        using var second = Listening();
        var passed = Passed("ssh", first, second);
        using var pools = new PoolTable(TimeProvider.System);
        await using var forwarder = new Forwarder(pools, new LoopRegistry(TimeProvider.System), TimeProvider.System, new LogRecorder(), passed);
        var settings = new ListenerSettings
        {
            Name = "ssh",
            Bind = [new(null, "ssh")],
            Protocol = ListenerProtocol.Tcp,
            Pool = new("nobody"),
            Port = 22,
        };

        for (var round = 0; round < 2; round++)
        {
            await CommitAsync(forwarder, settings);
            foreach (var socket in new[] { first, second })
            {
                using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await client.ConnectAsync(socket.LocalEndPoint!);
                Assert.Equal("", await client.ReadTextToEndAsync());
            }

            Assert.Equal(2, forwarder.Statuses[0].Accepted);
            await CommitAsync(forwarder);
        }
    }

    [NeedsFact("linux")]
    public void ADescriptorThatIsNoListeningSocketIsRefused()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        Assert.Empty(Passed("ssh", socket).Find("ssh", out var error));
        Assert.Contains("not a listening stream socket", error, StringComparison.Ordinal);
    }

    [Fact]
    public void AnUnknownNameIsAnsweredWithTheKnownOnes()
    {
        Assert.Empty(PassedSockets.Named(3, "http:ssh:http").Find("https", out var error));
        Assert.Contains("there are http, ssh", error, StringComparison.Ordinal);
    }

    [Fact]
    public void SocketsWithoutNamesAreUnknown()
    {
        // As sd_listen_fds_with_names(3) calls them.
        Assert.Empty(PassedSockets.Named(1, null).Find("ssh", out var error));
        Assert.Contains("there are unknown", error, StringComparison.Ordinal);
    }

    private static async Task CommitAsync(Forwarder forwarder, params ListenerSettings[] listeners)
    {
        using var change = await forwarder.PrepareAsync(listeners);
        Assert.Empty(change.Errors);
        change.Commit();
    }

    private static Socket Listening()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(Loopback.Next(), 0));
        socket.Listen();
        return socket;
    }

    private static PassedSockets Passed(string name, params Socket[] sockets) => new(ImmutableDictionary<string, ImmutableArray<int>>.Empty.Add(
        name, [.. sockets.Select(socket => Dup((int)socket.Handle))]));

    [LibraryImport("libc", EntryPoint = "dup")]
    private static partial int Dup(int descriptor);
}
