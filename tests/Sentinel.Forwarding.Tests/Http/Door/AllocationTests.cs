using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Reflection;

namespace Sentinel.Forwarding.Tests.Http.Door;

/// <summary>What is made, and what is kept. Alone: what other tests make would count too.</summary>
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

        Assert.InRange((GC.GetTotalAllocatedBytes(precise: true) - before) / Requests, 0, IsOptimized ? 20 : 1270);
    }

    [Fact]
    public async Task Who_reads_slowly_slows_his_backend_down()
    {
        const int Size = 64 * 1024 * 1024;
        const int Piece = 1024 * 1024;
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Size}\r\n\r\n");
            var piece = new string('x', 64 * 1024);
            for (var sent = 0; sent < Size; sent += piece.Length)
            {
                await peer.SendAsync(piece);
            }
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        await client.ReadHeadAsync();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var most = 0L;

        for (var read = 0; read < Size; read += Piece)
        {
            await client.ReadTextAsync(Piece);
            most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true));
        }

        // what is on its way is with the system, and with us a few buffers, as with the backend and the client of this test
        Assert.InRange(most - before, long.MinValue, Size / 4);
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
