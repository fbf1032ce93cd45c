using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Sentinel.Testing.Traffic;

/// <summary>One connection to an echo server that sends random bytes and compares each that comes back.</summary>
/// <param name="seed">Of the bytes.</param>
/// <param name="pace">How long it pauses when a piece has come back; zero: it does not wait for what comes back.</param>
/// <param name="host">Whom it asks for by TLS; null: without TLS.</param>
internal sealed class EchoFlow(int seed, TimeSpan pace, string? host = null) : IDisposable
{
    private static readonly TimeProvider Time = TimeProvider.System;

    private readonly Random _toSend = new(seed);
    private readonly Random _toCome = new(seed);
    private readonly byte[] _buffer = new byte[MostInPiece];
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private Stream _stream = Stream.Null;

    private const int MostInPiece = 8000;

    /// <summary>Bytes that came back as they were sent.</summary>
    public long Bytes { get; private set; }

    /// <summary>The longest wait for something that was under way.</summary>
    public TimeSpan LongestSilence { get; private set; }

    /// <summary>What went wrong; null if nothing did.</summary>
    public string? Fault { get; private set; }

    /// <summary>Connects, and has the first piece come back.</summary>
    public async Task ConnectAsync(IPEndPoint to) => await GuardAsync(async () =>
    {
        await _socket.ConnectAsync(to).ConfigureAwait(false);
        _stream = new NetworkStream(_socket);
        if (host is not null)
        {
            var tls = new SslStream(_stream);
            _stream = tls;
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = host, RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null }).ConfigureAwait(false);
        }

        await SendPieceAsync().ConfigureAwait(false);
        await ReceivePieceAsync().ConfigureAwait(false);
        LongestSilence = TimeSpan.Zero;
    }).ConfigureAwait(false);

    /// <summary>Sends until it is stopped, then ends in order and waits until the rest is back.</summary>
    public Task RunAsync(CancellationToken stop) => GuardAsync(async () =>
    {
        if (pace > TimeSpan.Zero)
        {
            await TakeTurnsAsync(stop).ConfigureAwait(false);
        }
        else
        {
            await FloodAsync(stop).ConfigureAwait(false);
        }

        if (Fault is null && await _stream.ReadAsync(_buffer).ConfigureAwait(false) != 0)
        {
            Fault = "more came back than was sent";
        }
    });

    public void Dispose()
    {
        _stream.Dispose();
        _socket.Dispose();
    }

    private async Task TakeTurnsAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested && Fault is null)
        {
            await SendPieceAsync().ConfigureAwait(false);
            await ReceivePieceAsync().ConfigureAwait(false);
            await Task.Delay(pace, Time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await FinishAsync().ConfigureAwait(false);
    }

    private async Task FloodAsync(CancellationToken stop)
    {
        var (sent, isOver) = (0, false);
        var sending = Task.Run(
            async () =>
            {
                while (!stop.IsCancellationRequested && Fault is null)
                {
                    Interlocked.Increment(ref sent);
                    await SendPieceAsync().ConfigureAwait(false);
                }

                await FinishAsync().ConfigureAwait(false);
                Volatile.Write(ref isOver, true);
            },
            CancellationToken.None);
        for (var received = 0; Fault is null && !(Volatile.Read(ref isOver) && received == Volatile.Read(ref sent));)
        {
            if (received < Volatile.Read(ref sent))
            {
                await ReceivePieceAsync().ConfigureAwait(false);
                received++;
            }
            else
            {
                await Task.Yield();
            }
        }

        await sending.ConfigureAwait(false);
    }

    private async Task FinishAsync()
    {
        if (_stream is SslStream tls)
        {
            await tls.ShutdownAsync().ConfigureAwait(false);
        }

        _socket.Shutdown(SocketShutdown.Send);
    }

    private async Task SendPieceAsync() => await _stream.WriteAsync(Next(_toSend)).ConfigureAwait(false);

    private async Task ReceivePieceAsync()
    {
        var piece = Next(_toCome);
        for (var at = 0; at < piece.Length;)
        {
            var start = Time.GetTimestamp();
            var received = await _stream.ReadAsync(_buffer.AsMemory(..(piece.Length - at))).ConfigureAwait(false);
            var silence = Time.GetElapsedTime(start);
            LongestSilence = silence > LongestSilence ? silence : LongestSilence;
            if (received == 0 || !_buffer.AsSpan(..received).SequenceEqual(piece.AsSpan(at, received)))
            {
                Fault = received == 0 ? $"the end came after {Bytes} bytes" : $"a wrong byte came after {Bytes}";
                return;
            }

            at += received;
            Bytes += received;
        }
    }

    private async Task GuardAsync(Func<Task> act)
    {
        try
        {
            await act().ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or IOException or AuthenticationException)
        {
            var error = (e as SocketException ?? e.InnerException as SocketException)?.SocketErrorCode.ToString();
            Fault ??= $"{error ?? e.Message} after {Bytes} bytes";
        }
    }

    private static byte[] Next(Random random)
    {
        var piece = new byte[random.Next(1, MostInPiece)];
        random.NextBytes(piece);
        return piece;
    }
}
