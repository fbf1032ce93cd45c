using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Sentinel.Forwarding.Http.Loops;
using Sentinel.Forwarding.Http.Transports;
using Sentinel.Forwarding.Relay;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http.Loops;

/// <summary>A loop, sockets on it whose other ends are sockets of .NET's, and what they counted.</summary>
internal sealed class LoopStage : IByteCount, IDisposable
{
    private readonly CancellationTokenSource _deadline = new(Eventually.Patience, TimeProvider.System);
    private long _from;
    private long _to;

    public SocketLoop Loop { get; } = OperatingSystem.IsLinux() ? SocketLoop.Start("test", new(TimeProvider.System), TimeProvider.System, NullLogger.Instance)! : null!;

    /// <summary>When patience is at its end.</summary>
    public CancellationToken Deadline => _deadline.Token;

    public (long From, long To) Counted => (Interlocked.Read(ref _from), Interlocked.Read(ref _to));

    public bool IsBroken { get; private set; }

    public void FromClient(long bytes) => Interlocked.Add(ref _from, bytes);

    public void ToClient(long bytes) => Interlocked.Add(ref _to, bytes);

    public void ClientBroke() => IsBroken = true;

    public void Dispose()
    {
        Loop?.Dispose();
        _deadline.Dispose();
    }

    /// <param name="receiveBuffer">Of the one on the loop; 0: the system's choice.</param>
    public async Task<(Socket Peer, LoopSocket Socket)> PairAsync(int receiveBuffer = 0)
    {
        using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listening.ReceiveBufferSize = 128 * 1024;
        listening.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listening.Listen();
        var dial = new LoopDial(Loop);

        // less than what tests write in one go: the system takes a part of it
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { SendBufferSize = 32 * 1024 };
        socket.ReceiveBufferSize = receiveBuffer > 0 ? receiveBuffer : socket.ReceiveBufferSize;
        Assert.Equal(DialOutcome.Connected, await dial.ConnectAsync(socket, (IPEndPoint)listening.LocalEndPoint!, Deadline));
        return (await listening.AcceptAsync(Deadline), dial.Connected!);
    }

    /// <summary>A pair that is no TCP: what the system has no room for is refused whole, and room is there as soon as the other has read.</summary>
    public (Socket Peer, LoopSocket Socket) LocalPair()
    {
        using var listening = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        listening.Bind(new UnixDomainSocketEndPoint(path));
        listening.Listen();
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        File.Delete(path);
        return (listening.Accept(), Loop.Add(socket));
    }

    /// <summary>Takes some, leaves some, looks at some without taking it, and writes in pieces of any size.</summary>
    public async Task EchoAsync(PipeReader input, PipeWriter output, long length, Random random)
    {
        for (var left = length; left > 0;)
        {
            var read = await input.ReadAsync(Deadline);
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
                Assert.False((await output.FlushAsync(Deadline)).IsCompleted);
            }
        }
    }

    public async Task SendAsync(Stream peer, ReadOnlyMemory<byte> bytes, Random random)
    {
        while (!bytes.IsEmpty)
        {
            var length = Math.Min(bytes.Length, random.Next(1, 30_000));
            await peer.WriteAsync(bytes[..length], Deadline);
            bytes = bytes[length..];
            if (random.Next(4) == 0)
            {
                await Task.Yield();
            }
        }
    }

    public async Task<byte[]> ReadSlowlyAsync(Stream peer, int length, Random random)
    {
        var all = new byte[length];
        for (var at = 0; at < length;)
        {
            at += await peer.ReadAsync(all.AsMemory(at, Math.Min(length - at, random.Next(1, 20_000))), Deadline);
            if (random.Next(3) == 0)
            {
                await Task.Yield();
            }
        }

        return all;
    }
}
