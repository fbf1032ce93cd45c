using System.Buffers.Binary;
using System.Net.Security;
using System.Security.Authentication;
using System.Text;

namespace Sentinel.Forwarding.Tests.Prefaces;

/// <summary>Makes ClientHellos: as a real client sends them, and by hand.</summary>
internal static class HelloBytes
{
    /// <summary>What a real TLS client sends first.</summary>
    public static async Task<byte[]> RealAsync(string host, params SslApplicationProtocol[] protocols)
    {
        var wire = new FirstFlight();
        await using var tls = new SslStream(wire);
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = host, ApplicationProtocols = protocols.Length == 0 ? null : [.. protocols] });
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            // Nobody answers.
        }

        return wire.Sent;
    }

    /// <summary>A hello by hand, in records of at most so many bytes.</summary>
    public static byte[] Make(byte[]? extensions, int record = 16 * 1024, byte[]? after = null, byte[]? suites = null)
    {
        byte[] body =
        [
            3, 3, .. Enumerable.Repeat((byte)7, 32), 0, .. Sized16(suites ?? [0x0a, 0x0a, 0x13, 0x01]), 1, 0,
            .. extensions is null ? [] : Sized16(extensions),
        ];
        return [.. Records([1, 0, .. BigEndian(body.Length), .. body], record), .. after ?? []];
    }

    public static byte[] Extension(int type, byte[] data) => [.. BigEndian(type), .. Sized16(data)];

    public static byte[] Name(string name) => Extension(0, Sized16([0, .. Sized16(Encoding.Latin1.GetBytes(name))]));

    public static byte[] Alpn(params string[] protocols) =>
        Extension(16, Sized16([.. protocols.SelectMany(protocol => (byte[])[(byte)protocol.Length, .. Encoding.ASCII.GetBytes(protocol)])]));

    public static byte[] Sized16(byte[] bytes) => [.. BigEndian(bytes.Length), .. bytes];

    /// <summary>Cuts a handshake message into records.</summary>
    public static byte[] Records(byte[] message, int most) =>
        [.. message.Chunk(most).SelectMany(part => (byte[])[22, 3, 1, .. Sized16(part)])];

    private static byte[] BigEndian(int number)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)number);
        return bytes;
    }

    private sealed class FirstFlight : MemoryStream
    {
        public byte[] Sent { get; private set; } = [];

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        {
            Sent = [.. Sent, .. source.Span];
            return ValueTask.CompletedTask;
        }

        public override ValueTask<int> ReadAsync(Memory<byte> target, CancellationToken cancellationToken = default) => new(0);
    }
}
