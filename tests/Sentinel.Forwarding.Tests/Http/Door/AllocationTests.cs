using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Text;

namespace Sentinel.Forwarding.Tests.Http.Door;

/// <summary>What is made for a request. Alone: what other tests make would count too.</summary>
[Collection("memory")]
public sealed class AllocationTests
{
    private const int Rounds = 2000;

    [Theory]
    [InlineData(1, "Content-Length: 2\r\n\r\n", "ok")]
    [InlineData(1, "Transfer-Encoding: chunked\r\n\r\n", "2\r\nok\r\n0\r\n\r\n")]

    // as many wait and go on at once, on each loop
    [InlineData(32, "Content-Length: 2\r\n\r\n", "ok")]
    public async Task Nothing_is_made_for_a_plain_request(int clients, string framing, string body)
    {
        using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listening.Bind(new IPEndPoint(Loopback.Next(), 0));
        listening.Listen();
        var end = Encoding.ASCII.GetBytes(body);
        var answer = Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nServer: test\r\nCache-Control: no-cache\r\n{framing}{body}");
        var backend = new Thread(() => Answer(listening, answer)) { IsBackground = true };
        backend.Start();
        await using var stage = await HttpStage.StartAsync([(IPEndPoint)listening.LocalEndPoint!]);
        var sockets = Enumerable.Range(0, clients).Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }).ToArray();
        foreach (var socket in sockets)
        {
            socket.Connect(stage.EndPoint);
        }

        Ask(sockets, end);
        var before = GC.GetTotalAllocatedBytes(precise: true);

        Ask(sockets, end);

        Assert.InRange((GC.GetTotalAllocatedBytes(precise: true) - before) / (Rounds * clients), 0, IsOptimized ? 20 : 1450);
        foreach (var socket in sockets)
        {
            socket.Dispose();
        }
    }

    // Without optimization each call of an async method is an object.
    private static bool IsOptimized => typeof(Forwarder).Assembly.GetCustomAttribute<DebuggableAttribute>() is not { IsJITOptimizerDisabled: true };

    // Neither side of these makes anything.
    private static void Ask(Socket[] clients, ReadOnlySpan<byte> end)
    {
        var request = "GET /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nCookie: a=b\r\n\r\n"u8;
        Span<byte> answer = stackalloc byte[1024];
        for (var i = 0; i < Rounds; i++)
        {
            foreach (var client in clients)
            {
                client.Send(request);
            }

            foreach (var client in clients)
            {
                var length = 0;
                do
                {
                    length += client.Receive(answer[length..]);
                }
                while (!answer[..length].EndsWith(end));
            }
        }
    }

    private static void Answer(Socket listening, byte[] answer)
    {
        try
        {
            while (true)
            {
                var socket = listening.Accept();
                new Thread(() => Exchange(socket, answer)) { IsBackground = true }.Start();
            }
        }
        catch (SocketException)
        {
        }
    }

    private static void Exchange(Socket socket, byte[] answer)
    {
        try
        {
            using (socket)
            {
                socket.NoDelay = true;
                Span<byte> request = stackalloc byte[1024];
                while (socket.Receive(request) > 0)
                {
                    socket.Send(answer);
                }
            }
        }
        catch (SocketException)
        {
        }
    }
}
