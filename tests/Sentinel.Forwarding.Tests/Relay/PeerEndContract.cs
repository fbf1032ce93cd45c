using System.Net.Sockets;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Relay;

/// <summary>How a connection ends when its peers end it.</summary>
public abstract class PeerEndContract(RelayEngine engine)
{
    [Fact]
    public async Task TheClientMayFinishFirstAndStillGetTheWholeAnswer()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", async socket =>
        {
            var question = await socket.ReadTextToEndAsync();
            await socket.SendTextAsync($"you said {question}");
            socket.Shutdown(SocketShutdown.Send);
        });
        await rig.StartAsync(rig.Listener());

        var client = await rig.ConnectAsync();
        await client.SendTextAsync("hello");
        client.Shutdown(SocketShutdown.Send);

        Assert.Equal("you said hello", await client.ReadTextToEndAsync());
        await Eventually.TrueAsync(() => rig.Logs.Ends.Count == 1);
        var end = rig.Logs.Ends[0];
        Assert.Equal(("completed", "a", "5", "14"), (end["End"], end["Backend"], end["ToBackend"], end["ToClient"]));
    }

    [Fact]
    public async Task TheBackendMayFinishFirstAndStillGetTheRest()
    {
        var rest = new TaskCompletionSource<string>();
        await using var rig = new Rig(engine);
        rig.Serve("a", async socket =>
        {
            await socket.SendTextAsync("banner");
            socket.Shutdown(SocketShutdown.Send);
            rest.SetResult(await socket.ReadTextToEndAsync());
        });
        await rig.StartAsync(rig.Listener());

        var client = await rig.ConnectAsync();
        Assert.Equal("banner", await client.ReadTextToEndAsync());
        await client.SendTextAsync("late words");
        client.Shutdown(SocketShutdown.Send);

        Assert.Equal("late words", await rest.Task.WaitAsync(Eventually.Patience));
        await Eventually.TrueAsync(() => rig.Logs.Ends.Count == 1);
        Assert.Equal("completed", rig.Logs.Ends[0]["End"]);
        Assert.Equal(0, rig.Status().Connections);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AResetOfTheClientReachesTheBackendAsAReset(bool afterHalfClose)
    {
        var how = new TaskCompletionSource<string>();
        var read = new TaskCompletionSource();
        await using var rig = new Rig(engine);
        rig.Serve("a", async socket =>
        {
            await socket.SendTextAsync("banner\n");
            if (afterHalfClose)
            {
                await socket.ReadToEndAsync();
                read.SetResult();
                await Eventually.TrueAsync(() => (int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)! != 0);
                how.SetResult("reset");
                return;
            }

            how.SetResult(await socket.HowItEndsAsync());
        });
        await rig.StartAsync(rig.Listener());

        var client = await rig.ConnectAsync();
        Assert.Equal("banner", await client.ReadLineAsync());
        if (afterHalfClose)
        {
            client.Shutdown(SocketShutdown.Send);
            await read.Task.WaitAsync(Eventually.Patience);
        }

        client.Reset();
        Assert.Equal("reset", await how.Task.WaitAsync(Eventually.Patience));
        await Eventually.TrueAsync(() => rig.Logs.Ends.Count == 1);
        Assert.Equal("client_reset", rig.Logs.Ends[0]["End"]);
    }

    [Fact]
    public async Task AResetOfTheBackendReachesTheClientAsAReset()
    {
        await using var rig = new Rig(engine);
        rig.Serve("a", async socket =>
        {
            await socket.ReceiveAsync(new byte[1]);
            socket.Reset();
        });
        await rig.StartAsync(rig.Listener());

        var client = await rig.ConnectAsync();
        await client.SendTextAsync("x");

        Assert.Equal("reset", await client.HowItEndsAsync());
        await Eventually.TrueAsync(() => rig.Logs.Ends.Count == 1);
        Assert.Equal("backend_reset", rig.Logs.Ends[0]["End"]);
    }
}
