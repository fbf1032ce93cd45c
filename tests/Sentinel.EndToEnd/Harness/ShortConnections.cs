using System.Net;
using System.Net.Sockets;

namespace Sentinel.EndToEnd.Harness;

/// <summary>Clients that connect, say something, read it back, and leave: in order, by a reset, or in the middle.</summary>
internal static class ShortConnections
{
    private const int Threads = 16;

    /// <summary>Makes as many connections and waits for their ends.</summary>
    /// <param name="from">The address of each of sixteen who take turns.</param>
    /// <returns>How many got their bytes back, of those that asked for them.</returns>
    public static async Task<(int Asked, int Served)> RunAsync(int count, IPEndPoint to, Func<int, string> from)
    {
        var (next, asked, served) = (0, 0, 0);
        var threads = Enumerable.Range(0, Threads).Select(number => Task.Factory.StartNew(
            () =>
            {
                // Blocking calls: half the price of awaits, and the price is what bounds a million.
                var random = new Random(number);
                var buffer = new byte[64];
                while (Interlocked.Increment(ref next) <= count)
                {
                    var kind = random.Next(4);
                    Interlocked.Add(ref asked, kind > 0 ? 1 : 0);
                    Interlocked.Add(ref served, One(kind, to, IPAddress.Parse(from(number)), buffer) ? 1 : 0);
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
        await Task.WhenAll(threads);
        return (asked, served);
    }

    private static bool One(int kind, IPEndPoint to, IPAddress from, byte[] buffer)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 60_000 };
        try
        {
            socket.Bind(new IPEndPoint(from, 0));
            socket.Connect(to);
            socket.Send(buffer);
            var got = 0;
            for (int n; kind > 0 && got < buffer.Length && (n = socket.Receive(buffer, got, buffer.Length - got, SocketFlags.None)) > 0;)
            {
                got += n;
            }

            if (kind < 3)
            {
                // A reset, which leaves no TIME_WAIT: a million of those would be the client's own limit.
                socket.LingerState = new(enable: true, seconds: 0);
            }

            return got == buffer.Length;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
