using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>How many connections to a backend stay open between requests, and for how long.</summary>
public sealed class KeptConnectionTests
{
    private const int Most = 64;

    [Fact]
    public async Task What_a_crowd_needed_stays_for_the_next_up_to_a_number_while_there_is_something_to_do()
    {
        // as many for each loop
        var most = Most * (OperatingSystem.IsLinux() ? Math.Clamp(Environment.ProcessorCount / 2, 1, 4) : 1);
        var crowd = most + 20;
        var time = new ManualTimeProvider();
        using var backend = Gathering(crowd);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], time: time);
        var clients = await CrowdAsync(stage, crowd);
        await AskAsync(stage, clients, crowd);
        Assert.Equal(crowd, backend.Connections);

        await Eventually.TrueAsync(async () =>
        {
            await AskAsync(stage, clients, 1);
            time.Advance(TimeSpan.FromSeconds(1));
            return backend.Closed >= crowd - most;
        });
        var kept = crowd - backend.Closed;
        Assert.InRange(kept, Most, most);
        await AskAsync(stage, clients, kept / 2);
        Assert.Equal(crowd, backend.Connections);

        await Eventually.TrueAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return backend.Closed == crowd;
        });
        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task Whom_nobody_has_heard_for_seconds_may_have_vanished()
    {
        var time = new ManualTimeProvider();
        using var backend = Gathering(1);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], time: time);
        var clients = await CrowdAsync(stage, 1);
        await AskAsync(stage, clients, 1);
        time.Advance(TimeSpan.FromSeconds(3.9));
        await AskAsync(stage, clients, 1);
        Assert.Equal(1, backend.Connections);

        time.Advance(TimeSpan.FromSeconds(4));
        await AskAsync(stage, clients, 1);

        Assert.Equal(2, backend.Connections);
        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task What_its_backend_closed_is_closed_here_as_well()
    {
        var time = new ManualTimeProvider();
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            await peer.ReadHeadAsync();
            await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            peer.FinishSending();
            await peer.ReadBodyAsync(int.MaxValue);
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], time: time);
        var clients = await CrowdAsync(stage, 1);
        await AskAsync(stage, clients, 1);
        await AskAsync(stage, clients, 1);
        var begun = time.GetTimestamp();

        await Eventually.TrueAsync(() =>
        {
            // less than it would stay
            if (time.GetElapsedTime(begun) < TimeSpan.FromSeconds(3))
            {
                time.Advance(TimeSpan.FromMilliseconds(10));
            }

            return backend.Closed == 1;
        });
        clients.ForEach(client => client.Dispose());
    }

    /// <summary>A backend that answers once as many have asked as there are in the crowd, and whoever asks after that at once.</summary>
    private static ScriptedBackend Gathering(int crowd)
    {
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var asked = 0;
        return new(async peer =>
        {
            while (await peer.ReadHeadAsync() is not null)
            {
                if (Interlocked.Increment(ref asked) >= crowd)
                {
                    all.TrySetResult();
                }

                await all.Task;
                await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        });
    }

    private static async Task<List<RawClient>> CrowdAsync(HttpStage stage, int crowd)
    {
        var clients = new List<RawClient>();
        for (var i = 0; i < crowd; i++)
        {
            clients.Add(await RawClient.ConnectAsync(stage.EndPoint));
        }

        return clients;
    }

    /// <summary>Returns when the connections that the answers came on are free again.</summary>
    private static async Task AskAsync(HttpStage stage, List<RawClient> clients, int count)
    {
        await Task.WhenAll(clients.Take(count).Select(async client =>
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            Assert.Equal("ok", (await client.ReadAnswerAsync()).Body);
        }));
        await Eventually.TrueAsync(() => stage.Load(0).Connections == 0);
    }
}
