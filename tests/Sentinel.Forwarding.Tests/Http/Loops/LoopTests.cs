using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Sentinel.Forwarding.Http.Loops;
using Sentinel.Forwarding.Relay;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http.Loops;

/// <summary>A socket on a loop, as whoever uses one meets it. The other end is a socket of .NET's.</summary>
public sealed class LoopTests : IDisposable
{
    private readonly LoopStage _stage = new();

    public void Dispose() => _stage.Dispose();

    [NeedsTheory("linux")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Whatever_the_sizes_and_pauses_every_byte_passes_both_ways_through_the_pipes(int seed)
    {
        var (peer, socket) = await _stage.PairAsync();
        using var _ = peer;
        var (input, output) = (new LoopReader(socket, _stage), new LoopWriter(socket, _stage));
        var sent = new byte[3_000_000];
        new Random(seed).NextBytes(sent);
        await using var stream = new NetworkStream(peer);

        var echo = _stage.EchoAsync(input, output, sent.Length, new(seed + 1));
        var sending = _stage.SendAsync(stream, sent, new(seed + 2));
        var received = await _stage.ReadSlowlyAsync(stream, sent.Length, new(seed + 3));
        await sending;
        await echo;

        Assert.True(sent.AsSpan().SequenceEqual(received));
        Assert.Equal((sent.Length, sent.Length), _stage.Counted);
        socket.Close();
        Assert.Equal(0, await peer.ReceiveAsync(new byte[1], _stage.Deadline));
    }

    [NeedsTheory("linux")]
    [InlineData(5)]
    [InlineData(6)]
    public async Task Whatever_the_sizes_every_byte_passes_both_ways_through_the_stream(int seed)
    {
        var (peer, socket) = await _stage.PairAsync();
        using var _ = peer;
        await using var stream = new LoopStream(socket);
        await using var far = new NetworkStream(peer);
        var sent = new byte[3_000_000];
        new Random(seed).NextBytes(sent);

        var echo = Task.Run(async () =>
        {
            var (random, buffer) = (new Random(seed), new byte[100_000]);
            for (int left = sent.Length, n; left > 0; left -= n)
            {
                n = await stream.ReadAsync(buffer.AsMemory(0, random.Next(1, buffer.Length)), _stage.Deadline);
                await stream.WriteAsync(buffer.AsMemory(0, n), _stage.Deadline);
            }
        });
        var sending = _stage.SendAsync(far, sent, new(seed + 2));
        var received = await _stage.ReadSlowlyAsync(far, sent.Length, new(seed + 3));
        await sending;
        await echo;

        Assert.True(sent.AsSpan().SequenceEqual(received));
    }

    [NeedsFact("linux")]
    public async Task The_peers_end_is_read_after_its_last_byte_and_told_at_once()
    {
        var (peer, socket) = await _stage.PairAsync();
        using var _ = peer;
        var told = new TaskCompletionSource();
        socket.WhenHungUp(told.SetResult);
        await peer.SendTextAsync("last");
        peer.Shutdown(SocketShutdown.Send);
        await told.Task.WaitAsync(_stage.Deadline);
        await using var stream = new LoopStream(socket);

        Assert.Equal(3, await stream.ReadAsync(new byte[3], _stage.Deadline));
        Assert.Equal(1, await stream.ReadAsync(new byte[3], _stage.Deadline));
        Assert.Equal(0, await stream.ReadAsync(new byte[3], _stage.Deadline));
        Assert.Equal(0, await stream.ReadAsync(new byte[3], _stage.Deadline));
    }

    [NeedsFact("linux")]
    public async Task What_follows_urgent_data_is_read()
    {
        var (peer, socket) = await _stage.PairAsync();
        using var _ = peer;
        await using var stream = new LoopStream(socket);
        var buffer = new byte[100];
        await peer.SendTextAsync("before");
        peer.Send("!"u8, SocketFlags.OutOfBand);
        await peer.SendTextAsync("after");

        var text = "";
        while (!text.EndsWith("after", StringComparison.Ordinal))
        {
            text += System.Text.Encoding.ASCII.GetString(buffer, 0, await stream.ReadAsync(buffer, _stage.Deadline));
        }

        Assert.Equal("beforeafter", text);
    }

    [NeedsFact("linux")]
    public async Task A_reset_fails_whoever_reads_and_ends_whoever_writes()
    {
        var (peer, socket) = await _stage.PairAsync();
        var (input, output) = (new LoopReader(socket, _stage), new LoopWriter(socket, _stage));
        var reading = input.ReadAsync(_stage.Deadline).AsTask();
        peer.Close(timeout: 0);

        await Assert.ThrowsAsync<ConnectionResetException>(() => reading);
        Assert.True(_stage.IsBroken);
        Assert.True((await output.WriteAsync(new byte[10], _stage.Deadline)).IsCompleted);
        socket.Close();
    }

    [NeedsFact("linux")]
    public async Task A_reset_that_whoever_writes_hears_of_first_is_no_end_for_whoever_reads()
    {
        var (peer, socket) = await _stage.PairAsync();
        var (input, output) = (new LoopReader(socket, _stage), new LoopWriter(socket, _stage));
        var flush = output.WriteAsync(new byte[10_000_000], _stage.Deadline).AsTask();
        Assert.False(flush.IsCompleted);
        peer.Close(timeout: 0);
        Assert.True((await flush).IsCompleted);

        await Assert.ThrowsAsync<ConnectionResetException>(async () => await input.ReadAsync(_stage.Deadline));
        socket.Close();
    }

    [NeedsFact("linux")]
    public async Task What_came_with_the_end_is_read_before_the_end_is_told()
    {
        var (peer, socket) = await _stage.PairAsync();
        using var _ = peer;
        var (busyPeer, busy) = await _stage.PairAsync();
        using var go = new ManualResetEventSlim();
        busy.WhenHungUp(go.Wait);
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        socket.WhenHungUp(told.SetResult);
        var reading = OnItsOwn(async () =>
        {
            Assert.Equal(4, await socket.ReceiveAsync(new byte[10], SocketFlags.None, _stage.Deadline));
            return told.Task.IsCompleted;
        });

        // the loop is kept until both have come
        busyPeer.Dispose();
        await peer.SendTextAsync("last");
        peer.Shutdown(SocketShutdown.Send);
        go.Set();

        Assert.False(await reading);
        await told.Task.WaitAsync(_stage.Deadline);
        busy.Close();
        socket.Close();
    }

    [NeedsFact("linux")]
    public async Task Whoever_always_finds_something_lets_others_have_the_loop()
    {
        var (peer, socket) = await _stage.PairAsync();
        using var _ = peer;
        var input = new LoopReader(socket, _stage);
        var reading = OnItsOwn(async () =>
        {
            string? first = null;
            for (var i = 0; i < 1000; i++)
            {
                var read = await input.ReadAsync(_stage.Deadline);
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
        var (peer, socket) = await _stage.PairAsync();
        using var _ = peer;
        var reading = new LoopReader(socket, _stage).ReadAsync(_stage.Deadline).AsTask();
        _stage.Loop.Dispose();

        await Assert.ThrowsAsync<ConnectionAbortedException>(() => reading);
        Assert.Equal("reset", await peer.HowItEndsAsync());
        Assert.Throws<SocketException>(() => _stage.Loop.Add(peer));
    }

    [NeedsFact("linux")]
    public async Task A_socket_that_was_closed_before_leaves_its_place_to_the_next()
    {
        var (peer, socket) = await _stage.PairAsync();
        using var gone = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        gone.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _stage.Loop.Add(gone));
        Assert.Equal(socket.Index + 1, _stage.Loop.Add(peer).Index);
    }

    [NeedsFact("linux")]
    public async Task Closing_here_ends_whoever_waits_to_read_or_to_write()
    {
        var (peer, socket) = await _stage.PairAsync();
        using var _ = peer;
        var (input, output) = (new LoopReader(socket, _stage), new LoopWriter(socket, _stage));
        var reading = input.ReadAsync(_stage.Deadline).AsTask();
        var flush = output.WriteAsync(new byte[10_000_000], _stage.Deadline).AsTask();
        Assert.False(flush.IsCompleted);
        socket.Abort();

        await Assert.ThrowsAsync<ConnectionAbortedException>(() => reading);
        await Assert.ThrowsAsync<ConnectionAbortedException>(() => input.ReadAsync().AsTask().WaitAsync(_stage.Deadline));
        Assert.True((await flush).IsCompleted);
        await Assert.ThrowsAsync<SocketException>(async () => await peer.ReadToEndAsync());
    }

    [NeedsFact("linux")]
    public async Task A_wait_that_is_cancelled_loses_nothing()
    {
        var (peer, socket) = await _stage.PairAsync();
        using var _ = peer;
        var (input, output) = (new LoopReader(socket, _stage), new LoopWriter(socket, _stage));
        var reading = input.ReadAsync(_stage.Deadline).AsTask();
        input.CancelPendingRead();
        Assert.True((await reading).IsCanceled);
        input.AdvanceTo(default);

        var flush = output.WriteAsync(new byte[10_000_000], _stage.Deadline).AsTask();
        output.CancelPendingFlush();
        Assert.True((await flush).IsCanceled);
        var finishing = output.FinishAsync().AsTask();
        await using var far = new NetworkStream(peer);
        Assert.Equal(10_000_000, (await _stage.ReadSlowlyAsync(far, 10_000_000, new(7))).Length);
        await finishing;

        await peer.SendTextAsync("x");
        Assert.Equal(1, (await input.ReadAsync(_stage.Deadline)).Buffer.Length);
        socket.Close();
    }

    [NeedsFact("linux")]
    public async Task A_flush_that_is_cancelled_just_before_it_would_wait_does_not()
    {
        var (peer, socket) = await _stage.PairAsync();
        using var _ = peer;
        var output = new LoopWriter(socket, _stage);
        output.CancelPendingFlush();

        Assert.True((await output.WriteAsync(new byte[10_000_000], _stage.Deadline).AsTask().WaitAsync(_stage.Deadline)).IsCanceled);
        socket.Abort();
    }

    [NeedsFact("linux")]
    public async Task A_dial_that_is_refused_says_so()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var dial = new LoopDial(_stage.Loop);
        Assert.Equal(DialOutcome.Refused, await dial.ConnectAsync(socket, new(Loopback.Next(), Loopback.FreePort()), _stage.Deadline));
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
}
