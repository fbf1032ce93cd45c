using System.Text;

namespace Sentinel.Forwarding.Tests.Http.Door;

/// <summary>Whatever the door takes for plain, however it came about, Kestrel takes as well and means the same by it.</summary>
public sealed class DoorEqualityTests
{
    private static readonly string[] Seeds =
    [
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a/b.html?x=%20&y=/../z HTTP/1.1\r\nHost: shop.example:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux)\r\nAccept: text/html,*/*;q=0.8\r\nAccept-Language: de\r\nCookie: a=b; c=d\r\nConnection: keep-alive\r\nUpgrade-Insecure-Requests: 1\r\n\r\n",
        "HEAD //x;y=z/~u HTTP/1.1\r\nhost: 10.0.0.1\r\nX-Forwarded-For: 6.6.6.6\r\nKeep-Alive: 5\r\nIf-None-Match: \"e\"\r\nRange: bytes=0-1\r\n\r\n",
        "GET /q?a[]=1|2 HTTP/1.1\r\nX-One:1\r\nX-One:\t2 \r\nHost: a.b-c_d\r\nReferer: http://x/?y#z\r\nAuthorization: Basic eDp5\r\nContent-Type: text/plain\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: h\r\nOrigin: null\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
    ];

    private static readonly string[] Bits =
    [
        "\r", "\n", "\r\n", " ", "\t", ":", "/", ".", "..", "%", "%2e", "?", "#", ",", ";", "@", "[", "\\", "\0", "\u007f", "\u00e9", "0", "9", "a", "Z", "_", "-", "*",
        "Host: x\r\n", "Content-Length: 1\r\n", "Connection: close\r\n", "Connection: x\r\n", "Transfer-Encoding: chunked\r\n", "X-Forwarded-For: 1\r\n", "Cookie: e=f\r\n", "TE: x\r\n",
        "HTTP/1.1", "GET ", "http://h/", "\r\n ", " :", "Forwarded: for=x\r\n", "Proxy-Authorization: x\r\n", "Alt-Svc: x\r\n",
        "Upgrade-Insecure-Requests: 1\r\n",
    ];

    [Fact]
    public async Task What_is_plain_reaches_the_backend_as_through_Kestrel()
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            while (await peer.ReadHeadAsync() is { } head)
            {
                await peer.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Saw: {Convert.ToHexString(Encoding.Latin1.GetBytes(head))}\r\n\r\n");
            }
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        await using var door = new Way(stage, isKestrels: false);
        await using var kestrel = new Way(stage, isKestrels: true);
        var random = new Random(20);
        var (taken, changed) = (0, new HashSet<string>());
        while (changed.Count < 400)
        {
            var request = Mutated(random);
            if (!PlainHeadTests.Read(request).IsPlain || !changed.Add(request))
            {
                continue;
            }

            // what is behind a head would be another request
            request = request[..(request.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)];
            Assert.Equal(await kestrel.SeenAsync(request), await door.SeenAsync(request));
            taken++;
        }

        Assert.Equal(taken, door.Taken);
        Assert.Equal(0, kestrel.Taken);
    }

    private static string Mutated(Random random)
    {
        var text = new StringBuilder(Seeds[random.Next(Seeds.Length)]);
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            var at = random.Next(text.Length);
            var bit = Bits[random.Next(Bits.Length)];
            switch (random.Next(4))
            {
                case 0:
                    text.Insert(at, bit);
                    break;
                case 1:
                    text.Remove(at, Math.Min(random.Next(1, 30), text.Length - at));
                    break;
                case 2:
                    text.Remove(at, 1).Insert(at, bit);
                    break;
                default:
                    text.Insert(at, text.ToString(at, Math.Min(random.Next(1, 30), text.Length - at)));
                    break;
            }
        }

        return text.ToString();
    }

    /// <summary>Connections that are all the door's, or all Kestrel's.</summary>
    private sealed class Way(HttpStage stage, bool isKestrels) : IAsyncDisposable
    {
        private RawClient? _client;

        /// <summary>How many requests went the door's way: it keeps fields in their order, Kestrel puts the host first and the claims behind.</summary>
        public int Taken { get; private set; }

        /// <summary>What the backend saw of a request: its first line, and its fields by name.</summary>
        public async Task<string[]> SeenAsync(string request)
        {
            if (_client is null)
            {
                _client = await RawClient.ConnectAsync(stage.EndPoint);
                if (isKestrels)
                {
                    await _client.SendAsync("OPTIONS / HTTP/1.1\r\nHost: h\r\n\r\n");
                    await _client.ReadHeadAsync();
                }
            }

            // a name that Kestrel writes in its own way
            const string Mark = "cache-control: mark";
            await _client.SendAsync(request[..^2] + $"{Mark}\r\n\r\n");
            var answer = (await _client.ReadHeadAsync()).Split('\n');
            Assert.StartsWith("HTTP/1.1 200 ", answer[0], StringComparison.Ordinal);
            if (answer.Contains("Connection: close"))
            {
                _client.Dispose();
                _client = null;
            }

            var head = Encoding.Latin1.GetString(Convert.FromHexString(answer.Single(field => field.StartsWith("X-Saw: ", StringComparison.Ordinal))[7..])).Split("\r\n");
            Taken += head.Contains(Mark) ? 1 : 0;
            return [head[0], .. head[1..].Select(field => field[..field.IndexOf(':', StringComparison.Ordinal)].ToUpperInvariant() + field[field.IndexOf(':', StringComparison.Ordinal)..]).Order(StringComparer.Ordinal)];
        }

        public ValueTask DisposeAsync()
        {
            _client?.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
