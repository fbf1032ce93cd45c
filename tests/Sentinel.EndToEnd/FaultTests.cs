using System.Diagnostics;
using System.Net.Sockets;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd;

/// <summary>A network that swallows everything, and a daemon that is short of descriptors: bounded, and the rest goes on.</summary>
public sealed class FaultTests : IAsyncLifetime
{
    private const int Flows = 500;
    private const string Vm = "10.63.1.2";

    private readonly Sandbox _sandbox = new();
    private readonly List<IDisposable> _open = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _sandbox.DisposeAsync();
        _open.Reverse();
        _open.ForEach(one => one.Dispose());
    }

    /// <summary>Half of the flows have bytes under way, half are idle: the ones are ended by TCP_USER_TIMEOUT, the others by keepalive.</summary>
    [NeedsTheory("linux", "root", "ip", "nft")]
    [InlineData("splice", false)]
    [InlineData("managed", false)]
    [InlineData("splice", true)]
    [InlineData("managed", true)]
    public async Task A_VM_that_vanishes_without_a_word_gives_back_every_descriptor(string engine, bool closeOnDown)
    {
        var (front, back) = (Own(new NetworkNamespace("flt")), Own(new NetworkNamespace("flt")));
        front.Connect(back, ["10.63.1.1/24"], [$"{Vm}/24"]);
        var vm = back.Start(_sandbox.WebVm("one", Vm));
        _open.Add(new Ending(vm));
        var sentinel = await _sandbox.StartAsync(
            new
            {
                backends = new { one = new { address = Vm, health = new { kind = "tcp", port = 7000, interval = "1s", timeout = "1s" } } },
                pools = new { web = new { backends = new[] { "one" } } },
                listeners = new { tcp = new { bind = new[] { $"{_sandbox.Front}:7000" }, protocol = "tcp", pool = "web", port = 7000, hold = "0s", engine, closeOnDown } },
            },
            new() { Network = front });
        await sentinel.UntilAsync("one", "serving");
        var before = sentinel.Descriptors;
        var flows = new List<Socket>();
        for (var i = 0; i < Flows; i++)
        {
            var socket = Own(front.Inside(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)));
            await socket.ConnectAsync(_sandbox.Front, 7000);
            await EchoAsync(socket);
            flows.Add(socket);
        }

        Assert.InRange(sentinel.Descriptors, before + (2 * Flows) - 8, int.MaxValue); // a probe or a question of before may be over
        back.Feed(
            """
            table inet silence {
                chain input { type filter hook input priority -500; policy drop; }
                chain output { type filter hook output priority -500; policy drop; }
            }

            """,
            "nft", "-f", "-");
        foreach (var socket in flows.Where((_, i) => i % 2 == 0))
        {
            await socket.SendAsync("lost"u8.ToArray());
        }

        await Eventually.TrueAsync(async () => (int)(await sentinel.StatusAsync())["listeners"]![0]!["connections"]! == 0, TimeSpan.FromSeconds(120));
        await Eventually.TrueAsync(() => sentinel.Descriptors <= before + 32, what: $"{before} descriptors before, {sentinel.Descriptors} now"); // probes, the admin endpoint's, the runtime's
        var end = closeOnDown ? "backend_down" : "backend_reset";
        await Eventually.TrueAsync(async () => await sentinel.MetricAsync($"sentinel_connections_total{{end=\"{end}\",listener=\"tcp\"}}") == Flows);
    }

    [NeedsTheory("linux", "prlimit")]
    [InlineData("splice")]
    [InlineData("managed")]
    public async Task Out_of_descriptors_those_who_are_in_go_on_and_the_rest_is_served_when_they_leave(string engine)
    {
        var sentinel = await _sandbox.StartAsync(
            new
            {
                backends = new Dictionary<string, object>
                {
                    ["one"] = new
                    {
                        instance = "process/one",
                        address = _sandbox.Address(10),
                        command = _sandbox.WebVm("one", _sandbox.Address(10)),
                        health = new { kind = "tcp", port = 7000, interval = "1s" },
                    },
                },
                pools = new { web = new { backends = new[] { "one" } } },
                listeners = new { tcp = new { bind = new[] { $"{_sandbox.Front}:7000" }, protocol = "tcp", pool = "web", port = 7000, engine } },
            },
            new() { Descriptors = 512 });
        await sentinel.UntilAsync("one", "serving");
        var inside = new List<Socket>();
        for (var i = 0; i < 50; i++)
        {
            inside.Add(await ConnectAsync());
            await EchoAsync(inside[^1]);
        }

        var crowd = new List<Socket>();
        for (var i = 0; i < 600; i++)
        {
            crowd.Add(await ConnectAsync());
        }

        await Eventually.TrueAsync(async () => await sentinel.MetricAsync("sentinel_connections_total{end=\"listener_full\",listener=\"tcp\"}") > 0);
        foreach (var socket in inside)
        {
            await EchoAsync(socket);
        }

        // Watching goes on too: the backend is not blamed for what the daemon lacks.
        Assert.Equal("serving", await sentinel.StateAsync("one"));

        crowd.ForEach(socket => socket.Dispose());
        await Eventually.TrueAsync(async () => (int)(await sentinel.StatusAsync())["listeners"]![0]!["connections"]! == inside.Count);

        // Of the crowd, those who still were in the backlog take descriptors for a moment, too.
        await Eventually.TrueAsync(IsServedAsync);
    }

    private T Own<T>(T one)
        where T : IDisposable
    {
        _open.Add(one);
        return one;
    }

    private async Task<Socket> ConnectAsync()
    {
        var socket = Own(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        await socket.ConnectAsync(_sandbox.Front, 7000);
        return socket;
    }

    private async Task<bool> IsServedAsync()
    {
        try
        {
            var socket = await ConnectAsync();
            await socket.SendAsync("ping"u8.ToArray());
            return await socket.ReceiveAsync(new byte[4]) == 4;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static async Task EchoAsync(Socket socket)
    {
        await socket.SendAsync("ping"u8.ToArray());
        Assert.Equal(4, await socket.ReceiveAsync(new byte[4]));
    }

    private sealed class Ending(Process process) : IDisposable
    {
        public void Dispose()
        {
            process.Kill();
            process.Dispose();
        }
    }
}
