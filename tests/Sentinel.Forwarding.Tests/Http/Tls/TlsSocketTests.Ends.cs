using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Sentinel.Forwarding.Http.Loops;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http.Tls;

// How a handshake or a conversation ends.
public sealed partial class TlsSocketTests
{
    [NeedsFact("linux")]
    public async Task A_fatal_alert_is_no_end()
    {
        var (peer, socket) = await _stage.PairAsync();
        using var _ = peer;
        var (client, tls) = await AgreeAsync(peer, socket);
        Assert.Equal(-1, tls.TryReceive(new byte[10]));

        // behind our back: the client cannot make sense of it, and says so
        socket.TrySend("\x17\x03\x03\x00\x20this is not what was agreed upon"u8);
        Assert.Equal(0, await Task.Run(() => client.Receive(new byte[10])));
        await tls.WaitReadableAsync().AsTask().WaitAsync(_stage.Deadline);

        Assert.Contains("bad record mac", Assert.ThrowsAny<IOException>(() => tls.TryReceive(new byte[10])).Message, StringComparison.Ordinal);
        socket.Close();
    }

    [NeedsTheory("linux")]
    [InlineData("\x17\x03\x03\x00\x20this is cut", true)]
    [InlineData("", false)]
    public async Task An_end_within_a_record_is_none(string last, bool isCut)
    {
        var (peer, socket) = await _stage.PairAsync();
        using var _ = peer;
        var (client, tls) = await AgreeAsync(peer, socket);
        var pipe = new LoopPipe(tls, _stage);

        client.SendInClear(Encoding.Latin1.GetBytes(last));
        peer.Shutdown(SocketShutdown.Send);

        if (isCut)
        {
            await Assert.ThrowsAsync<ConnectionResetException>(async () => await pipe.Input.ReadAsync(_stage.Deadline));
        }
        else
        {
            Assert.True((await pipe.Input.ReadAsync(_stage.Deadline)).IsCompleted);
        }

        Assert.Equal(isCut, _stage.IsBroken);
        socket.Close();
    }

    [NeedsFact("linux")]
    public async Task What_is_no_record_ends_the_connection_and_the_client_is_told_why()
    {
        var (peer, socket) = await _stage.PairAsync();
        using var _ = peer;
        var (client, tls) = await AgreeAsync(peer, socket);
        var pipe = new LoopPipe(tls, _stage);

        client.SendInClear("\x17\x03\x03\x00\x20this is not what was agreed upon"u8);

        await Assert.ThrowsAsync<ConnectionResetException>(async () => await pipe.Input.ReadAsync(_stage.Deadline));
        Assert.True((await pipe.Output.WriteAsync(new byte[10], _stage.Deadline)).IsCompleted);
        socket.Close();
        Assert.Equal(0, await Task.Run(() => client.Receive(new byte[1])));
    }

    [NeedsTheory("linux")]
    [InlineData("EHLO")]
    [InlineData("")]
    public async Task A_handshake_that_fails_says_so_and_leaves_nothing_behind(string said)
    {
        var (peer, socket) = await _stage.PairAsync();
        using var tls = Serve(socket);
        await peer.SendTextAsync(said);
        peer.Shutdown(SocketShutdown.Send);

        var e = await Assert.ThrowsAnyAsync<Exception>(() => tls.AgreeAsync(_stage.Deadline));

        Assert.True(e is AuthenticationException or IOException, e.ToString());
        socket.Close();
        peer.Dispose();
        var (next, another) = await _stage.PairAsync();
        await using var client = new SslStream(new NetworkStream(next, ownsSocket: true));
        using var served = Serve(another);
        await Task.WhenAll(AgreeAsync(client, SslProtocols.Tls13), served.AgreeAsync(_stage.Deadline));
        another.Close();
    }

    [NeedsFact("linux")]
    public async Task A_handshake_ends_when_it_is_too_late()
    {
        var (peer, socket) = await _stage.PairAsync();
        using var _ = peer;
        using var tls = Serve(socket);
        using var late = new CancellationTokenSource();
        var agreeing = tls.AgreeAsync(late.Token);
        await late.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => agreeing);
        socket.Close();
    }

    [NeedsFact("linux")]
    public async Task Who_has_left_hears_no_last_word_and_that_is_no_error()
    {
        var (peer, socket) = await _stage.PairAsync();
        await using var client = new SslStream(new NetworkStream(peer, ownsSocket: true));
        using var tls = Serve(socket);
        await Task.WhenAll(AgreeAsync(client, SslProtocols.Tls13), tls.AgreeAsync(_stage.Deadline));
        var gone = new TaskCompletionSource();
        socket.WhenHungUp(gone.SetResult);
        peer.Close(timeout: 0);
        await gone.Task;

        await tls.EndSendingAsync();

        Assert.ThrowsAny<IOException>(() => tls.TrySend(new byte[1]));
        socket.Close();
    }

    [NeedsFact("linux")]
    public async Task Closing_here_ends_whoever_waits_and_what_is_disposed_is_not_touched()
    {
        var (peer, socket) = await _stage.PairAsync();
        await using var client = new SslStream(new NetworkStream(peer, ownsSocket: true));
        var tls = Serve(socket);
        await Task.WhenAll(AgreeAsync(client, SslProtocols.Tls13), tls.AgreeAsync(_stage.Deadline));
        var pipe = new LoopPipe(tls, _stage);
        var reading = pipe.Input.ReadAsync(_stage.Deadline).AsTask();
        var flush = pipe.Output.WriteAsync(new byte[10_000_000], _stage.Deadline).AsTask();
        Assert.False(flush.IsCompleted);
        socket.Abort();

        await Assert.ThrowsAsync<ConnectionAbortedException>(() => reading);
        Assert.True((await flush).IsCompleted);
        tls.Dispose();
        tls.Dispose();
        Assert.Throws<ObjectDisposedException>(() => tls.TryReceive(new byte[1]));
        Assert.Throws<ObjectDisposedException>(() => tls.TrySend(new byte[1]));
        await Assert.ThrowsAsync<ObjectDisposedException>(tls.EndSendingAsync);
    }
}
