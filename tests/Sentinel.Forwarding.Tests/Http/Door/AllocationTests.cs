using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Reflection;

namespace Sentinel.Forwarding.Tests.Http.Door;

/// <summary>What is made for a request. Alone: what other tests make would count too.</summary>
[Collection("memory")]
public sealed class AllocationTests
{
    private const int Requests = 5000;

    [Fact]
    public async Task Nothing_is_made_for_a_plain_request()
    {
        using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listening.Bind(new IPEndPoint(Loopback.Next(), 0));
        listening.Listen();
        var backend = new Thread(() => Answer(listening)) { IsBackground = true };
        backend.Start();
        await using var stage = await HttpStage.StartAsync([(IPEndPoint)listening.LocalEndPoint!]);
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.Connect(stage.EndPoint);
        Ask(client);
        var before = GC.GetTotalAllocatedBytes(precise: true);

        Ask(client);

        Assert.InRange((GC.GetTotalAllocatedBytes(precise: true) - before) / Requests, 0, IsOptimized ? 20 : 1300);
    }

    // Without optimization each call of an async method is an object.
    private static bool IsOptimized => typeof(Forwarder).Assembly.GetCustomAttribute<DebuggableAttribute>() is not { IsJITOptimizerDisabled: true };

    // Neither side of these makes anything.
    private static void Ask(Socket client)
    {
        var request = "GET /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nCookie: a=b\r\n\r\n"u8;
        Span<byte> answer = stackalloc byte[1024];
        for (var i = 0; i < Requests; i++)
        {
            client.Send(request);
            var length = 0;
            do
            {
                length += client.Receive(answer[length..]);
            }
            while (!answer[..length].EndsWith("ok"u8));
        }
    }

    private static void Answer(Socket listening)
    {
        try
        {
            using var socket = listening.Accept();
            socket.NoDelay = true;
            Span<byte> request = stackalloc byte[1024];
            while (socket.Receive(request) > 0)
            {
                socket.Send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nServer: test\r\nCache-Control: no-cache\r\nContent-Length: 2\r\n\r\nok"u8);
            }
        }
        catch (SocketException)
        {
        }
    }
}
