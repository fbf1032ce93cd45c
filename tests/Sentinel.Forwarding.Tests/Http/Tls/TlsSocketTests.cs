using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Sentinel.Forwarding.Http.Loops;
using Sentinel.Forwarding.Http.Tls.OpenSsl;
using Sentinel.Forwarding.Tests.Http.Loops;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http.Tls;

/// <summary>TLS on a socket of a loop, spoken with .NET's client and with OpenSSL's.</summary>
public sealed partial class TlsSocketTests : IDisposable
{
    private readonly LoopStage _stage = new();
    private readonly List<IDisposable> _made = [];
    private readonly SslStreamCertificateContext _certificate = TestCertificates.Make("a.example");

    public void Dispose()
    {
        _made.ForEach(each => each.Dispose());
        _stage.Dispose();
    }

    [NeedsTheory("linux")]
    [InlineData(SslProtocols.Tls12, 1)]
    [InlineData(SslProtocols.Tls13, 2)]
    [InlineData(SslProtocols.Tls13, 3)]
    public async Task Whatever_the_sizes_and_pauses_every_byte_passes_both_ways(SslProtocols version, int seed)
    {
        var (peer, socket) = await _stage.PairAsync();
        await using var client = new SslStream(new NetworkStream(peer, ownsSocket: true));
        using var tls = Serve(socket);
        await Task.WhenAll(AgreeAsync(client, version), tls.AgreeAsync(_stage.Deadline));
        Assert.Equal(version, client.SslProtocol);
        var pipe = new LoopPipe(tls, _stage);
        var sent = new byte[3_000_000];
        new Random(seed).NextBytes(sent);

        var echo = _stage.EchoAsync(pipe.Input, pipe.Output, sent.Length, new(seed + 1));
        var sending = _stage.SendAsync(client, sent, new(seed + 2));
        var received = await _stage.ReadSlowlyAsync(client, sent.Length, new(seed + 3));
        await sending;
        await echo;
        await tls.EndSendingAsync();

        Assert.True(sent.AsSpan().SequenceEqual(received));
        Assert.Equal(0, await client.ReadAsync(new byte[1], _stage.Deadline));
        socket.Close();
    }

    [NeedsFact("linux")]
    public async Task What_passes_is_counted_as_it_passes_encrypted()
    {
        var (peer, socket) = await _stage.PairAsync();
        await using var wire = new Counter(peer);
        await using var client = new SslStream(wire);
        using var tls = Serve(socket);
        await Task.WhenAll(AgreeAsync(client, SslProtocols.Tls13), tls.AgreeAsync(_stage.Deadline));
        await client.WriteAsync(new byte[10_000], _stage.Deadline);
        await ReceiveAsync(tls, 10_000);

        Assert.Equal(wire.Written, _stage.Counted.From);
        Assert.InRange(_stage.Counted.To, wire.Read, long.MaxValue);
        socket.Close();
    }

    [NeedsFact("linux")]
    public async Task Keys_may_be_renewed_by_both_sides_in_the_middle()
    {
        var (peer, socket) = await _stage.PairAsync();
        using var _ = peer;
        var (client, tls) = await AgreeAsync(peer, socket);

        for (var i = 0; i < 10; i++)
        {
            client.UpdateKey(both: true);
            client.Send("asked"u8);
            Assert.Equal("asked", await ReceiveAsync(tls, 5));
            Assert.Equal(8, tls.TrySend("answered"u8));
            var answer = new byte[8];
            Assert.Equal(8, await Task.Run(() => client.Receive(answer)));
            Assert.Equal("answered"u8, answer);
        }

        socket.Close();
    }

    [NeedsTheory("linux")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_renews_his_key_without_end_is_ended_at_once(bool both)
    {
        var (peer, socket) = await _stage.PairAsync(receiveBuffer: 4 * 1024 * 1024);
        using var _ = peer;
        var (client, tls) = await AgreeAsync(peer, socket);
        for (var round = 0; round < 3; round++)
        {
            UpdateKeys(client, 32, both);
            client.Send("data"u8);
            Assert.Equal("data", await ReceiveAsync(tls, 4));
        }

        var (before, answered) = (_stage.Counted.From, _stage.Counted.To);
        await Task.Run(() => UpdateKeys(client, 10_000, both)).WaitAsync(_stage.Deadline);
        await Eventually.TrueAsync(() => tls.IsReadable);

        for (var asked = 0; asked < 2; asked++)
        {
            Assert.Contains("more than 32 records", Assert.ThrowsAny<IOException>(() => tls.TryReceive(new byte[10])).Message, StringComparison.Ordinal);
        }

        Assert.InRange(_stage.Counted.From - before, 1, 20_000);
        Assert.InRange(_stage.Counted.To - answered, 0, 33 * 27);
        socket.Close();
    }

    [NeedsFact("linux")]
    public async Task Who_is_asked_for_a_key_by_a_client_that_does_not_read_waits_without_turning()
    {
        var (peer, socket) = _stage.LocalPair();
        using var _ = peer;
        var (client, tls) = await AgreeAsync(peer, socket);

        // The socket may be full at the key, or at the byte behind it: that keeps nobody from reading.
        var sent = FillUpTo(client, tls, socket);
        for (var round = 0; IsHeard(client, tls, socket, 23); round++)
        {
            Assert.InRange(round, 0, 50);
            await Task.WhenAll(Task.Run(() => client.ReceiveAll(sent + 1)), SendAsync(tls));
            sent = FillUpTo(client, tls, socket);
        }

        Assert.Equal(-1, tls.TryReceive(new byte[10]));
        var waiting = tls.WaitReadableAsync().AsTask();
        Assert.False(waiting.IsCompleted);
        await Task.WhenAll(Task.Run(() => client.ReceiveAll(sent + 1)), SendAsync(tls));
        await waiting.WaitAsync(_stage.Deadline);
        Assert.Equal("x", await ReceiveAsync(tls, 1));
        socket.Close();
    }

    [NeedsFact("linux")]
    public async Task Who_sends_a_key_by_halves_is_answered_no_more_and_keeps_no_loop()
    {
        var (peer, socket) = await _stage.PairAsync();
        using var _ = peer;
        var (client, tls) = await AgreeAsync(peer, socket);
        var pipe = new LoopPipe(tls, _stage);
        Assert.Equal(-1, tls.TryReceive(new byte[10]));

        // OpenSSL sends nothing before it has the rest.
        client.SendPieceOfHandshake([24, 0, 0, 1]);
        await Eventually.TrueAsync(() => socket.IsReadable);
        Assert.Equal(-1, tls.TryReceive(new byte[10]));

        var flushed = await Task.Run(() => pipe.Output.WriteAsync("answer"u8.ToArray()).AsTask()).WaitAsync(_stage.Deadline);
        Assert.True(flushed.IsCompleted);
        socket.Close();
    }

    /// <summary>A client of OpenSSL's that has agreed with us; both go with the test.</summary>
    private async Task<(NativeClient Client, TlsSocket Tls)> AgreeAsync(Socket peer, LoopSocket socket)
    {
        var (client, tls) = (new NativeClient(peer), Serve(socket));
        _made.AddRange([client, tls]);
        await Task.WhenAll(Task.Run(client.Connect), tls.AgreeAsync(_stage.Deadline));
        return (client, tls);
    }

    private TlsSocket Serve(LoopSocket socket) => new(socket, TlsContext.TryCreate(_certificate, http2: true)!, _stage);

    private Task AgreeAsync(SslStream client, SslProtocols version) => client.AuthenticateAsClientAsync(
        new SslClientAuthenticationOptions { TargetHost = "a.example", EnabledSslProtocols = version, RemoteCertificateValidationCallback = TestCertificates.Any }, _stage.Deadline);

    private static void UpdateKeys(NativeClient client, int count, bool both)
    {
        for (var i = 0; i < count; i++)
        {
            client.UpdateKey(both);
        }
    }

    /// <summary>Has the client ask for a new key with each byte, until the socket takes no more.</summary>
    /// <returns>How many bytes the client has to read.</returns>
    private int FillUpTo(NativeClient client, TlsSocket tls, LoopSocket socket)
    {
        for (var sent = 0; ; sent++)
        {
            client.UpdateKey(both: true);
            Assert.True(IsHeard(client, tls, socket, 27 + 23));
            if (tls.TrySend("y"u8) < 0)
            {
                return sent;
            }
        }
    }

    private bool IsHeard(NativeClient client, TlsSocket tls, LoopSocket socket, int length)
    {
        client.Send("x"u8);
        while (!socket.IsReadable || socket.Socket!.Available < length)
        {
            _stage.Deadline.ThrowIfCancellationRequested();
            Thread.Yield();
        }

        return tls.TryReceive(new byte[10]) == 1;
    }

    private async Task SendAsync(TlsSocket tls)
    {
        while (tls.TrySend("y"u8) < 0)
        {
            await tls.WaitWritableAsync().AsTask().WaitAsync(_stage.Deadline);
        }
    }

    private async Task<string> ReceiveAsync(TlsSocket tls, int length)
    {
        var all = new byte[length];
        for (var at = 0; at < length;)
        {
            if (tls.TryReceive(all.AsSpan(at)) is >= 0 and var n)
            {
                Assert.NotEqual(0, n);
                at += n;
            }
            else
            {
                await tls.WaitReadableAsync().AsTask().WaitAsync(_stage.Deadline);
            }
        }

        return Encoding.ASCII.GetString(all);
    }

    private sealed class Counter(Socket socket) : NetworkStream(socket, ownsSocket: true)
    {
        public new long Read { get; private set; }

        public long Written { get; private set; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var n = await base.ReadAsync(buffer, cancellationToken);
            Read += n;
            return n;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Written += buffer.Length;
            return base.WriteAsync(buffer, cancellationToken);
        }
    }
}
