using System.Net;
using System.Net.Sockets;
using Sentinel.Forwarding.Relay;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Relay;

public class TcpInfoTests
{
    [NeedsFact("linux")]
    public async Task AResetWhoseErrorASendTookAwayIsNoOrderlyEnd()
    {
        var (near, far) = await PairAsync();
        far.Reset();
        await Eventually.TrueAsync(() => SendFails(near));

        Assert.Equal(0, await near.ReceiveAsync(new byte[1]));
        Assert.True(TcpInfo.WasReset(near));
    }

    [NeedsFact("linux")]
    public async Task AnOrderlyEndIsNoReset()
    {
        var (near, far) = await PairAsync();
        far.Shutdown(SocketShutdown.Send);

        Assert.Equal(0, await near.ReceiveAsync(new byte[1]));
        Assert.False(TcpInfo.WasReset(near));
    }

    [NeedsFact("linux")]
    public async Task ALivePeerThatDoesNotReadIsNotHeldToTheUserTimeout()
    {
        var (near, far) = await PairAsync();
        DeadPeer.Watch(near);
        Assert.False(DeadPeer.Review(near));
        Assert.Equal(DeadPeer.UserTimeout, UserTimeout(near));

        near.Blocking = false;
        try
        {
            while (true)
            {
                near.Send(new byte[64 * 1024]);
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
        {
            // as full as it gets
        }

        await Eventually.TrueAsync(() => DeadPeer.Review(near) && UserTimeout(near) == 0);

        far.ReceiveBufferSize = 1 << 20;
        await Eventually.TrueAsync(() =>
        {
            far.Receive(new byte[1 << 20]);
            return !DeadPeer.Review(near);
        });
        Assert.Equal(DeadPeer.UserTimeout, UserTimeout(near));
    }

    private static int UserTimeout(Socket socket)
    {
        const int TcpUserTimeout = 18;
        var value = new byte[4];
        socket.GetRawSocketOption(TcpInfo.Level, TcpUserTimeout, value);
        return BitConverter.ToInt32(value);
    }

    private static bool SendFails(Socket socket)
    {
        try
        {
            socket.Send(new byte[1]);
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private static async Task<(Socket Near, Socket Far)> PairAsync()
    {
        using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listening.Bind(new IPEndPoint(Loopback.Next(), 0));
        listening.Listen();
        var near = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await near.ConnectAsync(listening.LocalEndPoint!);
        return (near, await listening.AcceptAsync());
    }
}
