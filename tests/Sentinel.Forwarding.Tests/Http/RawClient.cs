using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>An HTTP/1.1 client that does exactly what a test writes, byte for byte. Every read has a deadline.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;

    public static async Task<RawClient> ConnectAsync(IPEndPoint endPoint, IPAddress? from = null)
    {
        var client = new RawClient();
        if (from is not null)
        {
            client._socket.Bind(new IPEndPoint(from, 0));
        }

        await client._socket.ConnectAsync(endPoint);
        return client;
    }

    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await _socket.SendAsync(bytes)..];
        }
    }

    public Task SendChunkAsync(string text) => SendAsync($"{text.Length:x}\r\n{text}\r\n");

    public void FinishSending() => _socket.Shutdown(SocketShutdown.Send);

    public void Reset()
    {
        _socket.LingerState = new(true, 0);
        _socket.Dispose();
    }

    /// <summary>The status line and fields, without the empty line.</summary>
    public async Task<string> ReadHeadAsync()
    {
        var head = new StringBuilder();
        string? line;
        while ((line = await ReadLineAsync()) is { Length: > 0 })
        {
            head.Append(line).Append('\n');
        }

        return line is null && head.Length == 0 ? throw new EndOfStreamException("closed before an answer") : head.ToString();
    }

    /// <summary>A line without its end; null at the end of the stream.</summary>
    public async Task<string?> ReadLineAsync()
    {
        var line = new StringBuilder();
        while (await FillAsync())
        {
            var c = (char)_buffer[_start++];
            if (c == '\n')
            {
                return line.ToString().TrimEnd('\r');
            }

            line.Append(c);
        }

        return line.Length == 0 ? null : line.ToString();
    }

    /// <summary>The next chunk's text; empty for the last one.</summary>
    public async Task<string> ReadChunkAsync()
    {
        var size = int.Parse((await ReadLineAsync())!, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        var text = await ReadTextAsync(size);
        await ReadLineAsync();
        return text;
    }

    public async Task<string> ReadTextAsync(int length)
    {
        var text = new StringBuilder(length);
        while (text.Length < length)
        {
            if (!await FillAsync())
            {
                throw new EndOfStreamException($"closed after {text.Length} of {length} bytes");
            }

            var take = Math.Min(length - text.Length, _end - _start);
            text.Append(Encoding.Latin1.GetString(_buffer, _start, take));
            _start += take;
        }

        return text.ToString();
    }

    /// <summary>An answer whose body has a Content-Length.</summary>
    public async Task<(string Head, string Body)> ReadAnswerAsync()
    {
        var head = await ReadHeadAsync();
        var length = head.Split('\n').FirstOrDefault(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
        return (head, length is null ? "" : await ReadTextAsync(int.Parse(length[15..], CultureInfo.InvariantCulture)));
    }

    /// <summary>Everything up to the end.</summary>
    public async Task<string> ReadToEndAsync()
    {
        var text = new StringBuilder();
        while (await FillAsync())
        {
            text.Append(Encoding.Latin1.GetString(_buffer, _start, _end - _start));
            _start = _end;
        }

        return text.ToString();
    }

    /// <summary>How the connection ends, whatever comes before: <c>end</c> or <c>reset</c>.</summary>
    public async Task<string> HowItEndsAsync()
    {
        try
        {
            await ReadToEndAsync();
            return "end";
        }
        catch (SocketException)
        {
            return "reset";
        }
    }

    public void Dispose() => _socket.Dispose();

    private async Task<bool> FillAsync()
    {
        if (_start < _end)
        {
            return true;
        }

        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        _start = 0;
        _end = await _socket.ReceiveAsync(_buffer, deadline.Token);
        return _end > 0;
    }
}
