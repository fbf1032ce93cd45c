using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Sentinel.Forwarding.Http.Loops;
using Sentinel.Forwarding.Http.Transports;
using Sentinel.Forwarding.Relay;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http.Loops;

/// <summary>A socket on a loop, as whoever uses one meets it. The other end is a socket of .NET's.</summary>
public sealed class LoopTests : IByteCount, IDisposable
{
    private readonly SocketLoop _loop = OperatingSystem.IsLinux() ? SocketLoop.Start("test", new(TimeProvider.System), TimeProvider.System, NullLogger.Instance)! : null!;
    private readonly CancellationTokenSource _deadline = new(Eventually.Patience, TimeProvider.System);
    private long _from;
    private long _to;
    private bool _broke;

    public void FromClient(long bytes) => _from += bytes;

    public void ToClient(long bytes) => _to += bytes;

    public void ClientBroke() => _broke = true;

    public void Dispose()
    {
        _loop?.Dispose();
        _deadline.Dispose();
    }

    [NeedsTheory("linux")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Whatever_the_sizes_and_pauses_every_byte_passes_both_ways_through_the_pipes(int seed)
    {
        var (peer, socket) = await PairAsync();
        using var _ = peer;
        var (input, output) = (new LoopReader(socket, this), new LoopWriter(socket, this));
        var sent = new byte[3_000_000];
        new Random(seed).NextBytes(sent);

        var echo = EchoAsync(input, output, new(seed + 1));
        var sending = SendAsync(peer, sent, new(seed + 2));
        var received = await ReadSlowlyAsync(peer, sent.Length, new(seed + 3));
        await sending;
        await echo;

        Assert.True(sent.AsSpan().SequenceEqual(received));
        Assert.Equal((sent.Length, sent.Length), (_from, _to));
        socket.Close();
        Assert.Equal(0, await peer.ReceiveAsync(new byte[1], _deadline.Token));
    }

    [NeedsTheory("linux")]
    [InlineData(5)]
    [InlineData(6)]
    public async Task Whatever_the_sizes_every_byte_passes_both_ways_through_the_stream(int seed)
    {
        var (peer, socket) = await PairAsync();
        using var _ = peer;
        await using var stream = new LoopStream(socket);
        var sent = new byte[3_000_000];
        new Random(seed).NextBytes(sent);

        var echo = Task.Run(async () =>
        {
            var (random, buffer) = (new Random(seed), new byte[100_000]);
            for (int left = sent.Length, n; left > 0; left -= n)
            {
                n = await stream.ReadAsync(buffer.AsMemory(0, random.Next(1, buffer.Length)), _deadline.Token);
                await stream.WriteAsync(buffer.AsMemory(0, n), _deadline.Token);
            }
        });
        var sending = SendAsync(peer, sent, new(seed + 2));
        var received = await ReadSlowlyAsync(peer, sent.Length, new(seed + 3));
        await sending;
        await echo;

        Assert.True(sent.AsSpan().SequenceEqual(received));
    }

    [NeedsFact("linux")]
    public async Task The_peers_end_is_read_after_its_last_byte_and_told_at_once()
    {
        var (peer, socket) = await PairAsync();
        using var _ = peer;
        var told = new TaskCompletionSource();
        socket.WhenHungUp(told.SetResult);
        await peer.SendTextAsync("last");
        peer.Shutdown(SocketShutdown.Send);
        await told.Task.WaitAsync(_deadline.Token);
        await using var stream = new LoopStream(socket);

        Assert.Equal(3, await stream.ReadAsync(new byte[3], _deadline.Token));
        Assert.Equal(1, await stream.ReadAsync(new byte[3], _deadline.Token));
        Assert.Equal(0, await stream.ReadAsync(new byte[3], _deadline.Token));
        Assert.Equal(0, await stream.ReadAsync(new byte[3], _deadline.Token));
    }

    [NeedsFact("linux")]
    public async Task What_follows_urgent_data_is_read()
    {
        var (peer, socket) = await PairAsync();
        using var _ = peer;
        await using var stream = new LoopStream(socket);
        var buffer = new byte[100];
        await peer.SendTextAsync("before");
        peer.Send("!"u8, SocketFlags.OutOfBand);
        await peer.SendTextAsync("after");

        var text = "";
        while (!text.EndsWith("after", StringComparison.Ordinal))
        {
            text += System.Text.Encoding.ASCII.GetString(buffer, 0, await stream.ReadAsync(buffer, _deadline.Token));
        }

        Assert.Equal("beforeafter", text);
    }

    [NeedsFact("linux")]
    public async Task A_reset_fails_whoever_reads_and_ends_whoever_writes()
    {
        var (peer, socket) = await PairAsync();
        var (input, output) = (new LoopReader(socket, this), new LoopWriter(socket, this));
        var reading = input.ReadAsync(_deadline.Token).AsTask();
        peer.Close(timeout: 0);

        await Assert.ThrowsAsync<ConnectionResetException>(() => reading);
        Assert.True(_broke);
        Assert.True((await output.WriteAsync(new byte[10], _deadline.Token)).IsCompleted);
        socket.Close();
    }

    [NeedsFact("linux")]
    public async Task A_reset_that_whoever_writes_hears_of_first_is_no_end_for_whoever_reads()
    {
        var (peer, socket) = await PairAsync();
        var (input, output) = (new LoopReader(socket, this), new LoopWriter(socket, this));
        var flush = output.WriteAsync(new byte[10_000_000], _deadline.Token).AsTask();
        Assert.False(flush.IsCompleted);
        peer.Close(timeout: 0);
        Assert.True((await flush).IsCompleted);

        await Assert.ThrowsAsync<ConnectionResetException>(async () => await input.ReadAsync(_deadline.Token));
        socket.Close();
    }

    [NeedsFact("linux")]
    public async Task What_came_with_the_end_is_read_before_the_end_is_told()
    {
        var (peer, socket) = await PairAsync();
        using var _ = peer;
        var (busyPeer, busy) = await PairAsync();
        using var go = new ManualResetEventSlim();
        busy.WhenHungUp(go.Wait);
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        socket.WhenHungUp(told.SetResult);
        var reading = OnItsOwn(async () =>
        {
            Assert.Equal(4, await socket.ReceiveAsync(new byte[10], SocketFlags.None, _deadline.Token));
            return told.Task.IsCompleted;
        });

        // the loop is kept until both have come
        busyPeer.Dispose();
        await peer.SendTextAsync("last");
        peer.Shutdown(SocketShutdown.Send);
        go.Set();

        Assert.False(await reading);
        await told.Task.WaitAsync(_deadline.Token);
        busy.Close();
        socket.Close();
    }

    [NeedsFact("linux")]
    public async Task Whoever_always_finds_something_lets_others_have_the_loop()
    {
        var (peer, socket) = await PairAsync();
        using var _ = peer;
        var input = new LoopReader(socket, this);
        var reading = OnItsOwn(async () =>
        {
            string? first = null;
            for (var i = 0; i < 1000; i++)
            {
                var read = await input.ReadAsync(_deadline.Token);
                first ??= Thread.CurrentThread.Name;
                input.AdvanceTo(read.Buffer.GetPosition(1));
            }

            return (first, Thread.CurrentThread.Name);
        });
        await peer.SendAllAsync(new byte[1000]);
        var (first, last) = await reading;
        Assert.Equal("test", first);
        Assert.NotEqual("test", last);
        socket.Close();
    }

    [NeedsFact("linux")]
    public async Task The_end_of_the_loop_ends_whoever_waits_and_takes_nobody_more()
    {
        var (peer, socket) = await PairAsync();
        using var _ = peer;
        var reading = new LoopReader(socket, this).ReadAsync(_deadline.Token).AsTask();
        _loop.Dispose();

        await Assert.ThrowsAsync<ConnectionAbortedException>(() => reading);
        Assert.Equal("reset", await peer.HowItEndsAsync());
        Assert.Throws<SocketException>(() => _loop.Add(peer));
    }

    [NeedsFact("linux")]
    public async Task A_socket_that_was_closed_before_leaves_its_place_to_the_next()
    {
        var (peer, socket) = await PairAsync();
        using var gone = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        gone.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _loop.Add(gone));
        Assert.Equal(socket.Index + 1, _loop.Add(peer).Index);
    }

    [NeedsFact("linux")]
    public async Task Closing_here_ends_whoever_waits_to_read_or_to_write()
    {
        var (peer, socket) = await PairAsync();
        using var _ = peer;
        var (input, output) = (new LoopReader(socket, this), new LoopWriter(socket, this));
        var reading = input.ReadAsync(_deadline.Token).AsTask();
        var flush = output.WriteAsync(new byte[10_000_000], _deadline.Token).AsTask();
        Assert.False(flush.IsCompleted);
        socket.Abort();

        await Assert.ThrowsAsync<ConnectionAbortedException>(() => reading);
        await Assert.ThrowsAsync<ConnectionAbortedException>(() => input.ReadAsync().AsTask().WaitAsync(_deadline.Token));
        Assert.True((await flush).IsCompleted);
        await Assert.ThrowsAsync<SocketException>(async () => await peer.ReadToEndAsync());
    }

    [NeedsFact("linux")]
    public async Task A_wait_that_is_cancelled_loses_nothing()
    {
        var (peer, socket) = await PairAsync();
        using var _ = peer;
        var (input, output) = (new LoopReader(socket, this), new LoopWriter(socket, this));
        var reading = input.ReadAsync(_deadline.Token).AsTask();
        input.CancelPendingRead();
        Assert.True((await reading).IsCanceled);
        input.AdvanceTo(default);

        var flush = output.WriteAsync(new byte[10_000_000], _deadline.Token).AsTask();
        output.CancelPendingFlush();
        Assert.True((await flush).IsCanceled);
        var finishing = output.FinishAsync().AsTask();
        Assert.Equal(10_000_000, (await ReadSlowlyAsync(peer, 10_000_000, new(7))).Length);
        await finishing;

        await peer.SendTextAsync("x");
        Assert.Equal(1, (await input.ReadAsync(_deadline.Token)).Buffer.Length);
        socket.Close();
    }

    [NeedsFact("linux")]
    public async Task A_flush_that_is_cancelled_just_before_it_would_wait_does_not()
    {
        var (peer, socket) = await PairAsync();
        using var _ = peer;
        var output = new LoopWriter(socket, this);
        output.CancelPendingFlush();

        Assert.True((await output.WriteAsync(new byte[10_000_000], _deadline.Token).AsTask().WaitAsync(_deadline.Token)).IsCanceled);
        socket.Abort();
    }

    [NeedsFact("linux")]
    public async Task A_dial_that_is_refused_says_so()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var dial = new LoopDial(_loop);
        Assert.Equal(DialOutcome.Refused, await dial.ConnectAsync(socket, new(Loopback.Next(), Loopback.FreePort()), _deadline.Token));
        Assert.Null(dial.Connected);
    }

    /// <summary>What goes on where it is told to, as the code outside of tests does. Returns when it waits.</summary>
    private static Task<T> OnItsOwn<T>(Func<Task<T>> start)
    {
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            return start();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    private async Task<(Socket Peer, LoopSocket Socket)> PairAsync()
    {
        using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listening.ReceiveBufferSize = 128 * 1024;
        listening.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listening.Listen();
        var dial = new LoopDial(_loop);

        // less than what tests write in one go: the system takes a part of it
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { SendBufferSize = 32 * 1024 };
        Assert.Equal(DialOutcome.Connected, await dial.ConnectAsync(socket, (IPEndPoint)listening.LocalEndPoint!, _deadline.Token));
        return (await listening.AcceptAsync(_deadline.Token), dial.Connected!);
    }

    /// <summary>Takes some, leaves some, looks at some without taking it, and writes in pieces of any size.</summary>
    private async Task EchoAsync(PipeReader input, PipeWriter output, Random random)
    {
        for (var left = 3_000_000L; left > 0;)
        {
            var read = await input.ReadAsync(_deadline.Token);
            var taken = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, random.Next(1, 50_000)));
            if (read.Buffer.Length < left && random.Next(8) == 0)
            {
                input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                continue;
            }

            foreach (var piece in taken)
            {
                output.Write(piece.Span);
            }

            left -= taken.Length;
            input.AdvanceTo(taken.End);
            if (left == 0 || random.Next(3) > 0)
            {
                Assert.False((await output.FlushAsync(_deadline.Token)).IsCompleted);
            }
        }
    }

    private async Task SendAsync(Socket peer, ReadOnlyMemory<byte> bytes, Random random)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await peer.SendAsync(bytes[..Math.Min(bytes.Length, random.Next(1, 30_000))], _deadline.Token)..];
            if (random.Next(4) == 0)
            {
                await Task.Yield();
            }
        }
    }

    private async Task<byte[]> ReadSlowlyAsync(Socket peer, int length, Random random)
    {
        var all = new byte[length];
        for (var at = 0; at < length;)
        {
            at += await peer.ReceiveAsync(all.AsMemory(at, Math.Min(length - at, random.Next(1, 20_000))), _deadline.Token);
            if (random.Next(3) == 0)
            {
                await Task.Yield();
            }
        }

        return all;
    }
}
