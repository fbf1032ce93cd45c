using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd;

/// <summary>Many at once, and many after one another.</summary>
public sealed class CrowdTests : IAsyncLifetime
{
    private static readonly int Many = int.Parse(Environment.GetEnvironmentVariable("TEST_CONNECTIONS") ?? "20000", CultureInfo.InvariantCulture);

    private readonly Sandbox _sandbox = new();
    private readonly List<Socket> _crowd = [];
    private MemoryLimit? _little;

    private IPEndPoint At => new(IPAddress.Parse(_sandbox.Front), 7000);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        _crowd.ForEach(socket => socket.Dispose());
        await _sandbox.DisposeAsync();
        if (_little is not null)
        {
            await _little.DisposeAsync();
        }
    }

    [NeedsFact("linux", "root")]
    public async Task Nine_thousand_idle_connections_stay_open_in_little_memory_and_a_new_one_is_served()
    {
        const int Crowd = 9000;
        _little = new MemoryLimit(512 << 20);
        var sentinel = await StartAsync(surroundings: new() { Memory = _little });
        for (var i = 0; i < Crowd; i++)
        {
            _crowd.Add(await ConnectAsync());
        }

        await UntilConnectionsAsync(sentinel, Crowd);
        Assert.Equal(Crowd, (int)(await sentinel.BackendAsync("one"))["connections"]!);

        // These send what is sent back to them and never read it, until nobody takes any more.
        foreach (var socket in _crowd.Where((_, i) => i % 45 == 1))
        {
            socket.Blocking = false;
            Assert.Equal(SocketError.WouldBlock, Fill(socket));
        }

        foreach (var socket in _crowd.Where((_, i) => i % 500 == 0))
        {
            await EchoAsync(socket);
        }

        _crowd.ForEach(socket => socket.Dispose());
        await UntilConnectionsAsync(sentinel, 0);
    }

    /// <summary>TEST_CONNECTIONS in the environment sets how many; a million take some minutes.</summary>
    [NeedsFact("linux")]
    public async Task However_many_connections_come_and_go_nothing_of_them_is_left()
    {
        var sentinel = await StartAsync();
        await ShortConnections.RunAsync(10_000, At, Client); // what is compiled or made once is not a connection's
        await UntilConnectionsAsync(sentinel, 0);
        var (descriptors, pipes, memory) = (sentinel.Descriptors, sentinel.Pipes, sentinel.Resident);

        var (asked, served) = await ShortConnections.RunAsync(Many, At, Client);

        Assert.Equal(asked, served);
        await UntilConnectionsAsync(sentinel, 0);
        await Eventually.TrueAsync(() => sentinel.Descriptors <= descriptors + 2); // a probe, the admin endpoint's
        Assert.InRange(sentinel.Pipes, 0, pipes);

        // Log lines that nobody read yet and garbage of a collection to come are less; a million of anything that is left would be more.
        Assert.InRange(sentinel.Resident, 0, memory + (32 << 20));
    }

    [NeedsFact("linux")]
    public async Task A_flood_from_one_address_is_refused_and_counted_and_another_does_not_notice()
    {
        const int Flood = 50_000;
        var sentinel = await StartAsync(new { bind = new[] { $"{At}" }, protocol = "tcp", pool = "web", port = 7000, maxConnectionsPerClient = 5 });
        var flooder = _sandbox.Address(99);
        for (var i = 0; i < 5; i++)
        {
            _crowd.Add(await ConnectAsync(flooder));
            await EchoAsync(_crowd[^1]);
        }

        var other = await ConnectAsync(_sandbox.Address(98));
        _crowd.Add(other);
        var memory = sentinel.Resident;
        var flood = ShortConnections.RunAsync(Flood, At, _ => flooder);
        var echoes = 0;
        while (!flood.IsCompleted)
        {
            await EchoAsync(other);
            echoes++;
        }

        Assert.Equal(0, (await flood).Served);
        Assert.True(echoes > 1);
        await EchoAsync(_crowd[0]);
        await Eventually.TrueAsync(async () => await sentinel.MetricAsync("sentinel_connections_total{end=\"client_full\",listener=\"tcp\"}") == Flood);
        Assert.InRange(sentinel.Resident, 0, memory + (64 << 20));
    }

    private string Client(int number) => _sandbox.Address(10 + number);

    private async Task<SentinelProcess> StartAsync(object? listener = null, Surroundings? surroundings = null)
    {
        var sentinel = await _sandbox.StartAsync(
            new
            {
                backends = new Dictionary<string, object>
                {
                    ["one"] = new
                    {
                        instance = "process/one",
                        address = _sandbox.Address(200),
                        command = _sandbox.WebVm("one", _sandbox.Address(200)),
                        health = new { kind = "tcp", port = 7000, interval = "1s" },
                    },
                },
                pools = new { web = new { backends = new[] { "one" } } },
                listeners = new { tcp = listener ?? new { bind = new[] { $"{At}" }, protocol = "tcp", pool = "web", port = 7000 } },
            },
            surroundings);
        await sentinel.UntilAsync("one", "serving");
        return sentinel;
    }

    private async Task<Socket> ConnectAsync(string? from = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        if (from is not null)
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        }

        await socket.ConnectAsync(At);
        return socket;
    }

    private static async Task EchoAsync(Socket socket)
    {
        await socket.SendAsync("ping"u8.ToArray());
        Assert.Equal(4, await socket.ReceiveAsync(new byte[4]));
    }

    private static SocketError Fill(Socket socket)
    {
        var chunk = new byte[65536];
        SocketError error;
        do
        {
            socket.Send(chunk, SocketFlags.None, out error);
        }
        while (error == SocketError.Success);

        return error;
    }

    private static Task UntilConnectionsAsync(SentinelProcess sentinel, int count) =>
        Eventually.TrueAsync(async () => (int)(await sentinel.StatusAsync())["listeners"]![0]!["connections"]! == count, TimeSpan.FromSeconds(60));
}
