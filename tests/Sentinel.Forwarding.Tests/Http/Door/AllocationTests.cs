using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Reflection;
using System.Text;

namespace Sentinel.Forwarding.Tests.Http.Door;

/// <summary>What is made for a request. Alone: what other tests make would count too.</summary>
[Collection("memory")]
public sealed class AllocationTests
{
    [Theory]
    [InlineData(false, 1, false, 2)]
    [InlineData(false, 1, true, 2)]
    [InlineData(true, 1, false, 2)]

    // as many wait at once: more than .NET's shared pool keeps of what they need
    [InlineData(false, 200, false, 2)]
    [InlineData(true, 200, false, 2)]

    // does not come with its head
    [InlineData(false, 200, false, 6000)]
    public async Task Nothing_is_made_for_a_plain_request(bool tls, int clients, bool isChunked, int length)
    {
        using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listening.Bind(new IPEndPoint(Loopback.Next(), 0));
        listening.Listen();
        var body = new string('o', length);
        var end = Encoding.ASCII.GetBytes(isChunked ? $"{length:x}\r\n{body}\r\n0\r\n\r\n" : body);
        var framing = isChunked ? "Transfer-Encoding: chunked" : $"Content-Length: {length}";
        byte[] answer = [.. Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nServer: test\r\nCache-Control: no-cache\r\n{framing}\r\n\r\n"), .. end];
        using var all = new Barrier(clients);
        var backend = new Thread(() => Answer(listening, all, answer)) { IsBackground = true };
        backend.Start();
        await using var stage = await HttpStage.StartAsync([(IPEndPoint)listening.LocalEndPoint!], certificates: tls ? new() : null);
        var streams = new Stream[clients];
        for (var i = 0; i < clients; i++)
        {
            streams[i] = tls ? await stage.ConnectTlsAsync("a.example", SslApplicationProtocol.Http11) : await stage.ConnectAsync();
        }

        var rounds = Math.Max(100, 5_000 / clients);
        Ask(streams, end, rounds);

        // What is made for each request is made every time; what is made now and then, by pools that grow or by others, is not.
        var least = long.MaxValue;
        for (var i = 0; i < 4; i++)
        {
            var before = Made;
            Ask(streams, end, rounds);
            least = Math.Min(least, (Made - before) / (rounds * clients));
        }

        Assert.InRange(least, 0, IsOptimized ? 20 : length < 4096 ? 1450 : 2400);
        foreach (var stream in streams)
        {
            await stream.DisposeAsync();
        }
    }

    // Clients run on the test's thread, and those of TLS make something.
    private static long Made => GC.GetTotalAllocatedBytes(precise: true) - GC.GetAllocatedBytesForCurrentThread();

    // Without optimization each call of an async method is an object.
    private static bool IsOptimized => typeof(Forwarder).Assembly.GetCustomAttribute<DebuggableAttribute>() is not { IsJITOptimizerDisabled: true };

    private static void Ask(Stream[] clients, ReadOnlySpan<byte> end, int rounds)
    {
        var request = "GET /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nCookie: a=b\r\n\r\n"u8;
        Span<byte> answer = stackalloc byte[8 * 1024];
        for (var i = 0; i < rounds; i++)
        {
            foreach (var client in clients)
            {
                client.Write(request);
            }

            foreach (var client in clients)
            {
                var length = 0;
                do
                {
                    length += client.Read(answer[length..]);
                }
                while (!answer[..length].EndsWith(end));
            }
        }
    }

    private static void Answer(Socket listening, Barrier all, byte[] answer)
    {
        try
        {
            while (true)
            {
                var socket = listening.Accept();
                new Thread(() => Exchange(socket, all, answer)) { IsBackground = true }.Start();
            }
        }
        catch (SocketException)
        {
        }
    }

    /// <summary>Answers when all have asked.</summary>
    private static void Exchange(Socket socket, Barrier all, byte[] answer)
    {
        try
        {
            using (socket)
            {
                socket.NoDelay = true;
                Span<byte> request = stackalloc byte[1024];
                while (socket.Receive(request) > 0)
                {
                    all.SignalAndWait();
                    socket.Send(answer);
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    }
}
