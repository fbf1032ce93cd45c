using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Relay;

/// <summary>
/// Random conversations, each from its own seed: both sides send random amounts in random pieces, at random one finishes
/// early or breaks off. What arrives must be what was sent, whole if the sender finished, a beginning of it if he broke off.
/// </summary>
public abstract class TransferContract(RelayEngine engine)
{
    private const int Cases = 400;

    [Fact]
    public async Task WhatArrivesIsWhatWasSent()
    {
        var played = 0;
        await using var rig = new Rig(engine);
        rig.Serve("a", socket => Conversation.AnswerAsync(socket, () => Interlocked.Increment(ref played)));
        await rig.StartAsync(rig.Listener());

        await Parallel.ForEachAsync(Enumerable.Range(0, Cases), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (seed, _) =>
        {
            var client = await rig.ConnectAsync();
            await client.SendAllAsync(BitConverter.GetBytes(seed));
            var conversation = new Conversation(seed);
            var trouble = await conversation.PlayAsync(client, isClient: true);
            Assert.True(trouble is null, $"seed {seed}: {trouble}");
            client.Dispose();
        });

        // The relay may be done long before a backend has read it all.
        await Eventually.TrueAsync(() => rig.Logs.Ends.Count == Cases && Volatile.Read(ref played) == Cases);
        Assert.Empty(Conversation.Troubles);
        Assert.DoesNotContain(rig.Logs.Ends, end => end["End"] is "failed" or "stopped");
        Assert.Contains(rig.Logs.Ends, end => end["End"] == "completed");
        Assert.Contains(rig.Logs.Ends, end => end["End"] == "client_reset");
        Assert.Contains(rig.Logs.Ends, end => end["End"] == "backend_reset");
        Assert.Equal(0, rig.Status().Connections);
    }
}
