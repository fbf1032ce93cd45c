using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.Versioning;
using Sentinel.Forwarding.Relay.Splice;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Splice;

/// <summary>What connections cost, and that all of it comes back.</summary>
[SupportedOSPlatform("linux")]
public sealed class SpliceResourceTests
{
    private const int Megabyte = 1 << 20;

    [NeedsTheory("linux")]
    [InlineData(16, true)]
    [InlineData(0, false)]
    public async Task ABusyFlowIsSplicedWhereAPipeCanBeHadAndCopiedElse(int mostPipes, bool splices)
    {
        await using var rig = new SpliceRig(TestBackend.EchoAsync, mostPipes);

        await Task.WhenAll(Enumerable.Range(0, 3).Select(async seed =>
        {
            var client = await rig.ConnectAsync();
            var sending = SendPatternAsync(client, seed, 8 * Megabyte);
            await ExpectPatternAsync(client, seed, 8 * Megabyte, buffer: 100_000);
            await sending;
            Assert.Equal(0, await client.ReceiveAsync(new byte[1]));
        }));

        Assert.Equal(splices, (await rig.UsageAsync()).PipesOpened > 0);
        await EverythingIsBackAsync(rig);
    }

    [NeedsFact("linux")]
    public async Task ASlowReaderGetsEveryByte()
    {
        await using var rig = new SpliceRig(async socket =>
        {
            await SendPatternAsync(socket, 7, 4 * Megabyte);
        });

        var client = await rig.ConnectAsync(receiveBuffer: 4096);
        await ExpectPatternAsync(client, 7, 4 * Megabyte, buffer: 3000);

        client.Shutdown(SocketShutdown.Send);
        await EverythingIsBackAsync(rig);
    }

    [NeedsFact("linux")]
    public async Task AClientThatNeverReadsHoldsLittleAndHindersNobody()
    {
        await using var rig = new SpliceRig(async socket =>
        {
            var first = new byte[1];
            await socket.ReceiveAsync(first);
            if (first[0] == 'p')
            {
                while (true)
                {
                    await socket.SendAllAsync(new byte[256 * 1024]);
                }
            }

            await socket.SendAllAsync(first);
            await TestBackend.EchoAsync(socket);
        });

        var deaf = new List<Socket>();
        for (var i = 0; i < 4; i++)
        {
            deaf.Add(await rig.ConnectAsync(receiveBuffer: 4096));
            await deaf[i].SendTextAsync("p");
        }

        var other = await rig.ConnectAsync();
        for (var i = 0; i < 200; i++)
        {
            await other.SendTextAsync("x\n");
            Assert.Equal("x", await other.ReadLineAsync());
        }

        await Eventually.TrueAsync(async () => await rig.UsageAsync() is { Connections: 5, PipesInUse: <= 4, Leftovers: <= 4 });
        other.Shutdown(SocketShutdown.Send);
        deaf.ForEach(client => client.Reset());
        await EverythingIsBackAsync(rig);
    }

    [NeedsFact("linux")]
    public async Task AnIdleConnectionOwnsNeitherPipeNorBuffer()
    {
        await using var rig = new SpliceRig(TestBackend.EchoAsync);
        var client = await rig.ConnectAsync();
        var sending = client.SendAllAsync(new byte[8 * Megabyte]);
        for (var left = 8 * Megabyte; left > 0;)
        {
            left -= await client.ReceiveAsync(new byte[64 * 1024]);
        }

        await sending;
        await Eventually.TrueAsync(async () => await rig.UsageAsync() is { Connections: 1, PipesInUse: 0, Leftovers: 0 });
        Assert.True(Unsafe.SizeOf<Slot>() <= 256, $"{Unsafe.SizeOf<Slot>()} bytes a connection");
    }

    [NeedsFact("linux")]
    public async Task PassingBytesOnAllocatesNothing()
    {
        await using var rig = new SpliceRig(TestBackend.EchoAsync);
        var client = await rig.ConnectAsync();
        await PingAsync(client, 200);
        var before = (await rig.UsageAsync()).Allocated;

        await PingAsync(client, 2000);

        // The question itself costs a little, and a second or two pass meanwhile.
        Assert.InRange((await rig.UsageAsync()).Allocated - before, 0, 8 * 1024);
    }

    [NeedsFact("linux")]
    public async Task GarbageAtEveryPointLeavesNothingBehind()
    {
        var random = new Random(5);
        await using var rig = new SpliceRig(async socket =>
        {
            var bytes = new byte[random.Next(200_000)];
            await socket.SendAllAsync(bytes);
            socket.Reset();
        });

        for (var round = 0; round < 300; round++)
        {
            Socket client;
            try
            {
                client = await rig.ConnectAsync();
                await client.SendAllAsync(new byte[random.Next(1, 300_000)]);
                if (random.Next(3) == 0)
                {
                    client.Shutdown(SocketShutdown.Send);
                }
            }
            catch (SocketException)
            {
                // the backend was quicker
                continue;
            }

            if (random.Next(2) == 0)
            {
                client.Reset();
            }
            else
            {
                client.Dispose();
            }
        }

        await EverythingIsBackAsync(rig);
    }

    private static async Task PingAsync(Socket client, int times)
    {
        var buffer = new byte[100];
        for (var i = 0; i < times; i++)
        {
            await client.SendAllAsync(buffer);
            for (var left = buffer.Length; left > 0;)
            {
                left -= await client.ReceiveAsync(buffer);
            }
        }
    }

    private static byte At(int seed, int position) => (byte)((position * 13) ^ (position >> 11) ^ seed);

    private static async Task SendPatternAsync(Socket socket, int seed, int length)
    {
        var piece = new byte[300_000];
        for (var sent = 0; sent < length;)
        {
            var n = Math.Min(piece.Length, length - sent);
            for (var i = 0; i < n; i++)
            {
                piece[i] = At(seed, sent + i);
            }

            await socket.SendAllAsync(piece.AsMemory(0, n));
            sent += n;
        }

        socket.Shutdown(SocketShutdown.Send);
    }

    private static async Task ExpectPatternAsync(Socket socket, int seed, int length, int buffer)
    {
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        var bytes = new byte[buffer];
        for (var received = 0; received < length;)
        {
            var n = await socket.ReceiveAsync(bytes, deadline.Token);
            Assert.True(n > 0, $"ended after {received} bytes");
            for (var i = 0; i < n; i++, received++)
            {
                if (bytes[i] != At(seed, received))
                {
                    Assert.Fail($"byte {received} is not what was sent");
                }
            }
        }
    }

    private static Task EverythingIsBackAsync(SpliceRig rig) => Eventually.TrueAsync(
        async () => await rig.UsageAsync() is { Connections: 0, PipesInUse: 0, Leftovers: 0 });
}
