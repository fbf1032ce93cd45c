using System.Net.Sockets;
using System.Text;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Kit;

/// <summary>What tests do with the client's end of a connection. Every wait has a deadline.</summary>
internal static class Sockets
{
    public static async Task SendAllAsync(this Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes)..];
        }
    }

    public static Task SendTextAsync(this Socket socket, string text) => socket.SendAllAsync(Encoding.ASCII.GetBytes(text));

    /// <summary>Reads until the other side has finished.</summary>
    public static async Task<byte[]> ReadToEndAsync(this Socket socket)
    {
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        using var all = new MemoryStream();
        var buffer = new byte[64 * 1024];
        int n;
        while ((n = await socket.ReceiveAsync(buffer, deadline.Token)) > 0)
        {
            all.Write(buffer, 0, n);
        }

        return all.ToArray();
    }

    public static async Task<string> ReadTextToEndAsync(this Socket socket) => Encoding.ASCII.GetString(await socket.ReadToEndAsync());

    public static async Task<string> ReadLineAsync(this Socket socket)
    {
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        var line = new StringBuilder();
        var one = new byte[1];
        while (await socket.ReceiveAsync(one, deadline.Token) > 0 && one[0] != '\n')
        {
            line.Append((char)one[0]);
        }

        return line.ToString();
    }

    /// <summary>How the connection ends for this side, whatever comes before: <c>end</c> or <c>reset</c>.</summary>
    public static async Task<string> HowItEndsAsync(this Socket socket)
    {
        try
        {
            await socket.ReadToEndAsync();
            return "end";
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            return "reset";
        }
    }

    /// <summary>Breaks the connection off.</summary>
    public static void Reset(this Socket socket)
    {
        socket.LingerState = new(true, 0);
        socket.Dispose();
    }
}
