using System.Net.Sockets;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd;

/// <summary>Many at once.</summary>
public sealed class CrowdTests : IAsyncLifetime
{
    private readonly Sandbox _sandbox = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _sandbox.DisposeAsync();

    [NeedsFact("linux")]
    public async Task Nine_thousand_idle_connections_stay_open_and_a_new_one_is_served()
    {
        const int Crowd = 9000;
        var sentinel = await _sandbox.StartAsync(new
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
            listeners = new
            {
                tcp = new { bind = new[] { $"{_sandbox.Front}:7000" }, protocol = "tcp", pool = "web", port = 7000 },
            },
        });
        await sentinel.UntilAsync("one", "serving");

        var crowd = new List<Socket>(Crowd);
        try
        {
            for (var i = 0; i < Crowd; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(_sandbox.Front, 7000);
                crowd.Add(socket);
            }

            await Eventually.TrueAsync(async () => (int)(await sentinel.StatusAsync())["listeners"]![0]!["connections"]! == Crowd);
            Assert.Equal(Crowd, (int)(await sentinel.BackendAsync("one"))["connections"]!);

            foreach (var socket in crowd.Where((_, i) => i % 500 == 0))
            {
                await socket.SendAsync("ping"u8.ToArray());
                Assert.Equal(4, await socket.ReceiveAsync(new byte[4]));
            }
        }
        finally
        {
            crowd.ForEach(socket => socket.Dispose());
        }

        await Eventually.TrueAsync(async () => (int)(await sentinel.StatusAsync())["listeners"]![0]!["connections"]! == 0);
    }
}
