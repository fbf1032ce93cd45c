using System.Collections.Concurrent;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Forwarding.Tests.Relay;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Splice;

/// <summary>
/// The same random conversations through both engines, the managed one as the oracle: how each ends, and how many bytes
/// went which way. TEST_CASES in the environment sets how many; 10,000 take about two minutes.
/// </summary>
public sealed class OracleTests
{
    private static readonly int Cases = int.Parse(Environment.GetEnvironmentVariable("TEST_CASES") ?? "500");

    [NeedsFact("linux")]
    public async Task BothEnginesTellTheSame()
    {
        var managed = await PlayAllAsync(RelayEngine.Managed);
        var splice = await PlayAllAsync(RelayEngine.Splice);

        for (var seed = 0; seed < Cases; seed++)
        {
            if (!new Conversation(seed).IsBrokenOff)
            {
                Assert.Equal((seed, "completed"), (seed, splice[seed].End));
                Assert.Equal((seed, managed[seed]), (seed, splice[seed]));
            }
            else
            {
                // How much comes through before a reset, and whether a side that is told of it while it finishes counts
                // as broken, is a matter of moments in either engine.
                Assert.True(splice[seed].End is "client_reset" or "backend_reset" || splice[seed].End == managed[seed].End,
                    $"seed {seed}: {splice[seed]}, the oracle says {managed[seed]}");
            }
        }

        // Over many cases the moments even out.
        var broken = Enumerable.Range(0, Cases).Where(seed => new Conversation(seed).IsBrokenOff).ToArray();
        Assert.InRange(broken.Count(seed => splice[seed].End == managed[seed].End), broken.Length * 9 / 10, broken.Length);
    }

    private static async Task<Outcome[]> PlayAllAsync(RelayEngine engine)
    {
        var played = 0;
        await using var rig = new Rig(engine);
        rig.Serve("a", socket => Conversation.AnswerAsync(socket, () => Interlocked.Increment(ref played)));
        await rig.StartAsync(rig.Listener());
        var seeds = new ConcurrentDictionary<string, int>();
        var outcomes = new Outcome[Cases];
        const int Batch = 250;
        for (var first = 0; first < Cases; first += Batch)
        {
            var before = rig.Logs.Ends.Count;
            var batch = Enumerable.Range(first, Math.Min(Batch, Cases - first)).ToArray();
            await Parallel.ForEachAsync(batch, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (seed, _) =>
            {
                using var client = await rig.ConnectAsync(from: Loopback.Next());
                seeds[client.LocalEndPoint!.ToString()!] = seed;
                await client.SendAllAsync(BitConverter.GetBytes(seed));
                var trouble = await new Conversation(seed).PlayAsync(client, isClient: true);
                Assert.True(trouble is null, $"{engine}, seed {seed}: {trouble}");
            });

            // The relay may be done long before a backend has read it all.
            await Eventually.TrueAsync(() => rig.Logs.Ends.Count == before + batch.Length && Volatile.Read(ref played) == rig.Logs.Ends.Count);
            foreach (var end in rig.Logs.Ends.Skip(before))
            {
                outcomes[seeds[end["Client"]!]] = new(end["End"]!, end["ToBackend"]!, end["ToClient"]!);
            }

            seeds.Clear();
        }

        Assert.Empty(Conversation.Troubles);
        return outcomes;
    }

    private sealed record Outcome(string End, string ToBackend, string ToClient);
}
