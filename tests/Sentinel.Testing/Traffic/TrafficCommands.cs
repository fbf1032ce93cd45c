using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Sentinel.Testing.Traffic;

/// <summary>Clients for a network that the test itself is not in. Each works until its input ends and then writes one line of JSON.</summary>
internal static class TrafficCommands
{
    /// <summary>Connections to an echo server that stay open. Writes <c>ready</c> once all are established.</summary>
    public static async Task<int> FlowsAsync(string to, string count, string paceMilliseconds, string? host = null)
    {
        var pace = TimeSpan.FromMilliseconds(Number(paceMilliseconds));
        var flows = Enumerable.Range(0, Number(count)).Select(seed => new EchoFlow(seed, pace, host)).ToArray();
        foreach (var some in flows.Chunk(100))
        {
            await Task.WhenAll(some.Select(flow => flow.ConnectAsync(IPEndPoint.Parse(to)))).ConfigureAwait(false);
        }

        Console.WriteLine("ready");
        using var stop = new CancellationTokenSource();
        var running = Task.WhenAll(flows.Select(flow => flow.Fault is null ? flow.RunAsync(stop.Token) : Task.CompletedTask));
        await EndOfInputAsync().ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        await running.ConfigureAwait(false);
        Write(new()
        {
            ["flows"] = flows.Length,
            ["bytes"] = flows.Sum(flow => flow.Bytes),
            ["faults"] = string.Join("; ", flows.Where(flow => flow.Fault is not null).GroupBy(flow => flow.Fault).Take(10).Select(fault => $"{fault.Count()} x {fault.Key}")),
            ["longestSilence"] = flows.Max(flow => flow.LongestSilence).TotalSeconds,
        });
        return 0;
    }

    /// <summary>Programs that send back what they get, such as remote shells. Writes <c>ready</c> once all do.</summary>
    public static async Task<int> SessionsAsync(string count, string[] command)
    {
        var sessions = Enumerable.Range(0, Number(count)).Select(seed => new Session(seed, command)).ToArray();
        foreach (var some in sessions.Chunk(5))
        {
            await Task.WhenAll(some.Select(session => session.ConnectAsync())).ConfigureAwait(false);
        }

        Console.WriteLine("ready");
        using var stop = new CancellationTokenSource();
        var running = Task.WhenAll(sessions.Select(session => session.RunAsync(stop.Token)));
        await EndOfInputAsync().ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        await running.ConfigureAwait(false);
        Write(new()
        {
            ["sessions"] = sessions.Length,
            ["lines"] = sessions.Sum(session => session.Lines),
            ["faults"] = string.Join("; ", sessions.Where(session => session.Fault is not null).GroupBy(session => session.Fault).Take(10).Select(fault => $"{fault.Count()} x {fault.Key}")),
            ["longestSilence"] = sessions.Max(session => session.LongestSilence).TotalSeconds,
        });
        return 0;
    }

    /// <summary>One connection after the other, each answered by an echo server before it ends.</summary>
    public static async Task<int> KnockAsync(string to)
    {
        var (connections, longest, faults) = (0, TimeSpan.Zero, new List<string>());
        var end = EndOfInputAsync();
        Console.WriteLine("ready");
        while (!end.IsCompleted)
        {
            var start = TimeProvider.System.GetTimestamp();
            using var flow = new EchoFlow(connections++, TimeSpan.FromMilliseconds(1));
            await flow.ConnectAsync(IPEndPoint.Parse(to)).ConfigureAwait(false);
            if (flow.Fault is null)
            {
                await flow.RunAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
            }

            if (flow.Fault is not null)
            {
                faults.Add(flow.Fault);
            }

            var took = TimeProvider.System.GetElapsedTime(start);
            longest = took > longest ? took : longest;
        }

        Write(new() { ["connections"] = connections, ["faults"] = string.Join("; ", faults.Take(10)), ["longest"] = longest.TotalSeconds });
        return 0;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static async Task EndOfInputAsync()
    {
        await Task.Yield();
        await Console.In.ReadToEndAsync().ConfigureAwait(false);
    }

    private static void Write(Dictionary<string, object> result) => Console.WriteLine(JsonSerializer.Serialize(result));
}
