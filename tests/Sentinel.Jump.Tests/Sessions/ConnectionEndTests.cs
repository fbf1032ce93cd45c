using System.Net;
using System.Net.Sockets;
using Sentinel.Jump.Sessions;
using Sentinel.Testing;

namespace Sentinel.Jump.Tests.Sessions;

/// <summary>Real connections to a real listening socket, of either family.</summary>
public sealed class ConnectionEndTests
{
    [NeedsTheory("root")]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("::1", "::1")]
    [InlineData("::", "127.0.0.1")]
    public async Task It_ends_that_connection_and_no_other(string bound, string address)
    {
        using var listener = Listen(bound);
        using var ended = await ConnectAsync(listener, address);
        using var other = await ConnectAsync(listener, address);
        using var accepted = await listener.AcceptAsync();
        using var otherAccepted = await listener.AcceptAsync();

        Assert.Null(ConnectionEnd.Abort(Of(ended)));

        await Assert.ThrowsAsync<SocketException>(async () => await ended.ReceiveAsync(new byte[1]));
        Assert.Equal(1, await otherAccepted.SendAsync(new byte[1]));
        Assert.Equal(1, await other.ReceiveAsync(new byte[1]));
    }

    [NeedsTheory("root")]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("::1", "::1")]
    [InlineData("::", "127.0.0.1")]
    public async Task A_connection_that_has_ended_already_leaves_the_listening_socket_alone(string bound, string address)
    {
        using var listener = Listen(bound);
        Connection gone;
        using (var client = await ConnectAsync(listener, address))
        {
            using var accepted = await listener.AcceptAsync();
            gone = Of(client);
            client.Close(0); // a reset: nothing of it stays in the kernel
            await Eventually.TrueAsync(() => !Connection.OpenTo(new HashSet<int> { gone.Local.Port }).Contains(gone));
        }

        Assert.Null(ConnectionEnd.Abort(gone));

        using var next = await ConnectAsync(listener, address);
        using var answered = await listener.AcceptAsync();
    }

    private static Socket Listen(string bound)
    {
        var address = IPAddress.Parse(bound);
        var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        if (address.Equals(IPAddress.IPv6Any))
        {
            listener.DualMode = true;
        }

        listener.Bind(new IPEndPoint(address, 0));
        listener.Listen();
        return listener;
    }

    private static async Task<Socket> ConnectAsync(Socket listener, string address)
    {
        var socket = new Socket(IPAddress.Parse(address).AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Parse(address), ((IPEndPoint)listener.LocalEndPoint!).Port);
        return socket;
    }

    /// <summary>As its listener's side sees it.</summary>
    private static Connection Of(Socket client) => new((IPEndPoint)client.RemoteEndPoint!, (IPEndPoint)client.LocalEndPoint!);
}
