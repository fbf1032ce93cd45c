using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd;

/// <summary>Real HTTP clients through an <c>http</c> listener.</summary>
public sealed class HttpTests : IAsyncLifetime
{
    private const long Gigabyte = 1L << 30;
    private readonly Sandbox _sandbox = new();
    private SentinelProcess _sentinel = null!;

    public async Task InitializeAsync()
    {
        _sentinel = await _sandbox.StartAsync(new
        {
            backends = new Dictionary<string, object>
            {
                ["one"] = new
                {
                    instance = "process/one",
                    address = _sandbox.Address(10),
                    command = _sandbox.WebVm("one", _sandbox.Address(10)),
                    health = new { kind = "http", port = 8080, interval = "1s" },
                },
            },
            pools = new { web = new { backends = new[] { "one" } } },
            listeners = new
            {
                http = new { bind = new[] { $"{_sandbox.Front}:8080" }, protocol = "http", pool = "web", port = 8080 },
            },
        });
        await _sentinel.UntilAsync("one", "serving");
    }

    public async Task DisposeAsync() => await _sandbox.DisposeAsync();

    [NeedsFact("curl")]
    public async Task Curl_gets_an_answer_and_the_backend_sees_who_asked()
    {
        Assert.Equal("one", (await CurlAsync("/")).Ok());

        var seen = (await CurlAsync("/headers", "-H", "X-Forwarded-For: 6.6.6.6", "-H", "X-Forwarded-Proto: gopher", "-H", "X-Forwarded-Host: evil", "-H", "Host: app.example.com")).Ok();

        Assert.Contains("X-Forwarded-For: 127.", seen, StringComparison.Ordinal);
        Assert.Contains("X-Forwarded-Proto: http", seen, StringComparison.Ordinal);
        Assert.Contains("X-Forwarded-Host: app.example.com", seen, StringComparison.Ordinal);
        Assert.Contains("Host: app.example.com", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("6.6.6.6", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("gopher", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("evil", seen, StringComparison.Ordinal);
    }

    [NeedsFact("curl")]
    public async Task Curl_speaks_HTTP2_without_TLS() =>
        Assert.Equal("one 2", (await CurlAsync("/", "--http2-prior-knowledge", "-w", " %{http_version}")).Ok());

    [NeedsFact("nghttp")]
    public async Task Nghttp_speaks_HTTP2_without_TLS()
    {
        var result = await Shell.RunAsync("nghttp", "-m", "20", $"http://{_sandbox.Front}:8080/");

        Assert.Equal(string.Concat(Enumerable.Repeat("one", 20)), result.Ok());
    }

    [NeedsFact("nghttp")]
    public async Task Cookies_that_came_one_by_one_over_HTTP2_are_one_field_for_a_backend_of_HTTP1()
    {
        var seen = (await Shell.RunAsync("nghttp", "-H", "cookie: a=1", "-H", "cookie: b=2", "-H", "te: trailers", $"http://{_sandbox.Front}:8080/headers")).Ok();

        Assert.Contains("Cookie: a=1; b=2\n", seen + "\n", StringComparison.Ordinal);
        Assert.Contains("TE: trailers\n", seen + "\n", StringComparison.Ordinal);
    }

    [NeedsFact("linux")]
    public void A_VM_does_not_inherit_how_the_daemon_waits_for_sockets()
    {
        var vms = Sandbox.ProcessesWith($"vm --name one --address {_sandbox.Address(10)}");

        Assert.NotEmpty(vms);
        Assert.All(vms, vm => Assert.DoesNotContain("INLINE_COMPLETIONS", File.ReadAllText($"/proc/{vm}/environ"), StringComparison.Ordinal));
    }

    [NeedsFact("linux")]
    public async Task A_gigabyte_goes_up_and_comes_down_with_flat_memory()
    {
        using var client = Client();
        await client.GetStringAsync(new Uri("/download/100000000", UriKind.Relative));
        var before = _sentinel.Resident;

        using var expected = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var received = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var peak = 0L;
        await using (var body = await client.GetStreamAsync(new Uri($"/download/{Gigabyte}", UriKind.Relative)))
        {
            await foreach (var chunk in ChunksAsync(body))
            {
                received.AppendData(chunk.Span);
                peak = Math.Max(peak, _sentinel.Resident);
            }
        }

        using var upload = new StreamContent(new Pattern(Gigabyte, expected));
        using var response = await client.PostAsync(new Uri("/upload", UriKind.Relative), upload);
        peak = Math.Max(peak, _sentinel.Resident);
        var hash = Convert.ToHexStringLower(expected.GetHashAndReset());

        Assert.Equal($"{Gigabyte} {hash}", await response.Content.ReadAsStringAsync());
        Assert.Equal(hash, Convert.ToHexStringLower(received.GetHashAndReset()));
        Assert.InRange(peak - before, long.MinValue, 64 << 20);
    }

    [NeedsFact("linux")]
    public async Task A_WebSocket_echoes_large_and_small_messages()
    {
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://{_sandbox.Front}:8080/echo"), CancellationToken.None);
        var message = RandomNumberGenerator.GetBytes(300_000);
        var received = new byte[message.Length];

        for (var round = 0; round < 3; round++)
        {
            await socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
            var length = 0;
            while (length < received.Length)
            {
                length += (await socket.ReceiveAsync(received.AsMemory(length), CancellationToken.None)).Count;
            }

            Assert.Equal(message, received);
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        Assert.Equal(WebSocketState.Closed, socket.State);
    }

    [NeedsFact("linux")]
    public async Task A_slow_client_gets_its_answer_and_another_is_not_kept_waiting()
    {
        using var slow = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await slow.ConnectAsync(_sandbox.Front, 8080);
        foreach (var piece in "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        {
            await slow.SendAsync(new[] { (byte)piece });
            if (piece == '\n')
            {
                Assert.Equal("one", (await CurlAsync("/")).Ok());
            }
        }

        var answer = new StringBuilder();
        var buffer = new byte[1];
        while (await slow.ReceiveAsync(buffer) > 0)
        {
            answer.Append((char)buffer[0]);
        }

        Assert.EndsWith("one", answer.ToString().TrimEnd('\r', '\n', '0'), StringComparison.Ordinal);
    }

    [NeedsFact("linux")]
    public async Task A_request_cut_in_the_middle_leaves_nothing_behind()
    {
        using var client = Client();
        await client.GetStringAsync(new Uri("/", UriKind.Relative));
        for (var i = 0; i < 20; i++)
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { LingerState = new(true, 0) };
            await socket.ConnectAsync(_sandbox.Front, 8080);
            await socket.SendAsync("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nonly this"u8.ToArray());
        }

        await Eventually.TrueAsync(async () => (int)(await _sentinel.BackendAsync("one"))["connections"]! == 0);
        Assert.Equal("one", await client.GetStringAsync(new Uri("/", UriKind.Relative)));
    }

    [NeedsFact("linux")]
    public async Task Without_a_VM_each_client_gets_the_answer_it_understands()
    {
        Assert.Equal(HttpStatusCode.Accepted, await _sentinel.PostAsync("/v1/backends/one/drain"));
        await _sentinel.UntilAsync("one", "drained");

        var html = (await CurlAsync("/", "-i", "-H", "Accept: text/html,*/*;q=0.8")).Output;
        var json = (await CurlAsync("/", "-i")).Output;
        var grpc = (await CurlAsync("/a.B/C", "-i", "--http2-prior-knowledge", "-X", "POST", "-H", "Content-Type: application/grpc")).Output;

        Assert.StartsWith("HTTP/1.1 503", html, StringComparison.Ordinal);
        Assert.Contains("text/html", html, StringComparison.Ordinal);
        Assert.Contains("Retry-After:", html, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("no-store", html, StringComparison.Ordinal);
        Assert.Contains("application/problem+json", json, StringComparison.Ordinal);
        Assert.Contains("grpc-status: 14", grpc, StringComparison.Ordinal);

        Assert.Equal(HttpStatusCode.Accepted, await _sentinel.PostAsync("/v1/backends/one/resume"));
        await _sentinel.UntilAsync("one", "serving");
        Assert.Equal("one", (await CurlAsync("/")).Ok());
    }

    private Task<Shell.Result> CurlAsync(string path, params string[] more) =>
        Shell.RunAsync("curl", ["-sS", "--noproxy", "*", "--max-time", "60", .. more, $"http://{_sandbox.Front}:8080{path}"]);

    private HttpClient Client() => new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new($"http://{_sandbox.Front}:8080") };

    private static async IAsyncEnumerable<ReadOnlyMemory<byte>> ChunksAsync(Stream stream)
    {
        var buffer = new byte[1 << 20];
        int read;
        while ((read = await stream.ReadAsync(buffer)) > 0)
        {
            yield return buffer.AsMemory(0, read);
        }
    }

    /// <summary>The same bytes that a download gives, and their hash on the way.</summary>
    private sealed class Pattern(long length, IncrementalHash hash) : Stream
    {
        private long _position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => _position;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var take = (int)Math.Min(count, length - _position);
            Sentinel.Testing.Vm.WebVm.Fill(buffer.AsSpan(offset, take), _position);
            hash.AppendData(buffer, offset, take);
            _position += take;
            return take;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
