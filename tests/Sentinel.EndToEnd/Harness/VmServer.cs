using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Sentinel.EndToEnd.Harness;

/// <summary>What runs on a VM of <see cref="Street"/>: tells each client which address it sees, then echoes.</summary>
internal sealed class VmServer : IDisposable
{
    private readonly Socket _listening;
    private readonly ConcurrentBag<Socket> _open = [];

    public VmServer(Socket listening)
    {
        _listening = listening;
        _ = AcceptAsync();
    }

    /// <summary>The VM is gone: what it had is reset.</summary>
    public void Dispose()
    {
        _listening.Dispose();
        foreach (var socket in _open)
        {
            socket.Close(0);
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listening.AcceptAsync();
                _open.Add(socket);
                _ = ServeAsync(socket);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // stopped
        }
    }

    private static async Task ServeAsync(Socket socket)
    {
        try
        {
            var buffer = new byte[4096];
            int n = Encoding.ASCII.GetBytes($"{((IPEndPoint)socket.RemoteEndPoint!).Address}\n", buffer);
            do
            {
                await socket.SendAsync(buffer.AsMemory(0, n));
            }
            while ((n = await socket.ReceiveAsync(buffer)) > 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // a probe, or stopped
        }

        socket.Dispose();
    }
}
