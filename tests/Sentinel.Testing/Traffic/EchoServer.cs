using System.Net;
using System.Net.Sockets;

namespace Sentinel.Testing.Traffic;

/// <summary>Sends back what comes, on any number of connections.</summary>
internal static class EchoServer
{
    public static async Task<int> RunAsync(IPEndPoint at)
    {
        using var listening = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listening.Bind(at);
        listening.Listen(4096);
        Console.WriteLine("ready");
        while (true)
        {
            _ = EchoAsync(await listening.AcceptAsync().ConfigureAwait(false));
        }
    }

    private static async Task EchoAsync(Socket socket)
    {
        using (socket)
        {
            try
            {
                var buffer = new byte[64 * 1024];
                int received;
                while ((received = await socket.ReceiveAsync(buffer).ConfigureAwait(false)) > 0)
                {
                    for (var sent = 0; sent < received;)
                    {
                        sent += await socket.SendAsync(buffer.AsMemory(sent..received)).ConfigureAwait(false);
                    }
                }

                socket.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException)
            {
                // the client notices
            }
        }
    }
}
