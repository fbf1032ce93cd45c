using System.Buffers.Binary;
using System.Text;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>An HTTP/2 client that sends exactly what a test writes, allowed by HTTP/2 or not. Every read and every frame has a deadline.</summary>
/// <param name="stream">The connection; owned.</param>
internal sealed class RawHttp2Client(Stream stream) : IAsyncDisposable
{
    // How a stream or a connection ends otherwise than by an answer.
    public const byte Reset = 3;
    public const byte GoAway = 7;

    // The static table has ":status" with 200 in its eighth place, with 400 in its twelfth (RFC 7541, Appendix A).
    public const byte Status200 = 0x88;
    public const byte Status400 = 0x8c;

    public const byte Headers = 1;
    public const byte Settings = 4;
    public const byte Continuation = 9;
    public const byte EndStream = 1;
    public const byte EndHeaders = 4;

    private const byte Data = 0;

    /// <summary>Settings by which nothing of an answer's body is taken (RFC 9113 §6.5.2).</summary>
    public static readonly byte[] NoWindow = [0, 4, 0, 0, 0, 0];

    /// <summary>Whether the server said that no more streams will do.</summary>
    public bool WasToldToGo { get; private set; }

    public async Task BeginAsync()
    {
        await stream.WriteAsync(Encoding.Latin1.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
        await SendAsync(Settings, 0, 0, []);
    }

    /// <summary>Sends a head, or what is behind a body.</summary>
    public Task SendFieldsAsync(bool isLast, params (string Name, string Value)[] fields) =>
        SendAsync(Headers, (byte)(EndHeaders | (isLast ? EndStream : 0)), 1, Fields(fields));

    public Task SendDataAsync(bool isLast, string text) => SendAsync(Data, isLast ? EndStream : (byte)0, 1, Encoding.Latin1.GetBytes(text));

    /// <returns>The first byte of the answer's fields, which is its status; or the kind of frame by which the stream or the connection ended.</returns>
    public async Task<byte> ReadAnswerAsync()
    {
        var head = new byte[9];
        while (true)
        {
            try
            {
                await stream.ReadExactlyAsync(head).AsTask().WaitAsync(Eventually.Patience, TimeProvider.System);
            }
            catch (IOException)
            {
                return GoAway;
            }

            var body = new byte[BinaryPrimitives.ReadInt32BigEndian(head) >> 8];
            await stream.ReadExactlyAsync(body).AsTask().WaitAsync(Eventually.Patience, TimeProvider.System);
            WasToldToGo |= head[3] == GoAway;
            if (head[3] is Headers or Reset or GoAway)
            {
                return head[3] == Headers ? body[0] : head[3];
            }
        }
    }

    /// <summary>Reads and forgets, so that a server that has much to say can go on listening, until the connection ends.</summary>
    public async Task ForgetAsync()
    {
        var piece = new byte[64 * 1024];
        try
        {
            while (await stream.ReadAsync(piece) > 0)
            {
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
        }
    }

    public ValueTask DisposeAsync() => stream.DisposeAsync();

    /// <summary>What is in the frames of a head.</summary>
    public static byte[] Fields(params (string Name, string Value)[] fields) => [.. fields.SelectMany(field => Field(field.Name, field.Value))];

    /// <summary>Sends a frame.</summary>
    /// <returns>Whether there was still somebody to take it.</returns>
    public async Task<bool> SendAsync(byte kind, byte flags, int number, byte[] body)
    {
        try
        {
            byte[] frame = [0, (byte)(body.Length >> 8), (byte)body.Length, kind, flags, 0, (byte)(number >> 16), (byte)(number >> 8), (byte)number, .. body];
            await stream.WriteAsync(frame).AsTask().WaitAsync(Eventually.Patience, TimeProvider.System);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    // a literal, never indexed (RFC 7541 §6.2.3)
    private static byte[] Field(string name, string value) =>
        [0x10, (byte)name.Length, .. Encoding.Latin1.GetBytes(name), (byte)value.Length, .. Encoding.Latin1.GetBytes(value)];
}
