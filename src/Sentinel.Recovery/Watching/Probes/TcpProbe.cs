using System.Net.Sockets;

namespace Sentinel.Recovery.Watching.Probes;

/// <summary>The port accepts.</summary>
internal sealed class TcpProbe(int port) : IProbe
{
    public async Task<string?> CheckAsync(string host, CancellationToken cancellationToken)
    {
        using var socket = await ConnectAsync(host, port, cancellationToken).ConfigureAwait(false);
        return null;
    }

    internal static async Task<Socket> ConnectAsync(string host, int port, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(host, port, cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
