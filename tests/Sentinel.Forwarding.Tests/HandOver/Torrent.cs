using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.HandOver;

/// <summary>Connections to an echo that send as fast as they can while forwarders follow one another.</summary>
[SupportedOSPlatform("linux")]
internal static class Torrent
{
    private const int Successions = 3;

    /// <summary>What comes back is what went, and every connection ends in good order.</summary>
    public static async Task SurvivesAsync(Succession forwarders, int connections, Func<Task<Socket>> connect)
    {
        var (sent, stop) = (0L, false);
        var flows = Enumerable.Range(0, connections).Select(async seed =>
        {
            var client = await connect();
            using var there = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var sending = Task.Run(async () =>
            {
                var random = new Random(seed);
                var chunk = new byte[random.Next(1, 40_000)];
                while (!Volatile.Read(ref stop))
                {
                    random.NextBytes(chunk);
                    there.AppendData(chunk);
                    await client.SendAllAsync(chunk);
                    Interlocked.Add(ref sent, chunk.Length);
                }

                client.Shutdown(SocketShutdown.Send);
            });
            await using var stream = new NetworkStream(client);
            var back = await SHA256.HashDataAsync(stream);
            await sending;
            Assert.Equal(there.GetHashAndReset(), back);
        }).ToArray();

        for (var i = 0; i < Successions; i++)
        {
            var before = Volatile.Read(ref sent);
            await Eventually.TrueAsync(() => Volatile.Read(ref sent) > before + 2_000_000);
            await forwarders.RestartAsync();
        }

        Volatile.Write(ref stop, true);
        await Task.WhenAll(flows);
        await Eventually.TrueAsync(() => forwarders.Rig.Logs.Ends.Count == connections);
        Assert.All(forwarders.Rig.Logs.Ends, end => Assert.Equal("completed", end["End"]));
    }
}
