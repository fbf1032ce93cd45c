using System.Text.Json;

namespace Sentinel.Forwarding.Relay.Kernel;

/// <summary>One listener's counters in our table.</summary>
/// <param name="New">Connections that were diverted to a backend.</param>
/// <param name="Refused">Connections that the limit of their client turned away.</param>
/// <param name="ToBackend">Bytes of IP packets, headers and bare acknowledgements included: the kernel counts no payload.</param>
/// <param name="ToClient">Likewise.</param>
internal readonly record struct LaneCounters(long New, long Refused, long ToBackend, long ToClient)
{
    private static readonly string[] Figures = ["new", "refused", "in", "out"];

    public static LaneCounters operator -(LaneCounters now, LaneCounters before) => new(
        now.New - before.New, now.Refused - before.Refused,
        now.ToBackend - before.ToBackend, now.ToClient - before.ToClient);

    /// <summary>What the table calls them.</summary>
    public static string[] Names(string listener) =>
        [.. Figures.Select(figure => NftName.Of(figure, listener))];

    /// <summary>Finds a listener's counters in what <c>nft -j list counters</c> said (libnftables-json(5)).</summary>
    /// <returns>Null if they are not all there: somebody else has changed the table.</returns>
    public static LaneCounters? Find(JsonDocument list, string listener)
    {
        var counters = list.RootElement.GetProperty("nftables").EnumerateArray()
            .Where(item => item.TryGetProperty("counter", out _))
            .Select(item => item.GetProperty("counter"))
            .ToDictionary(counter => counter.GetProperty("name").GetString()!);
        var mine = Names(listener).Select(name => counters.TryGetValue(name, out var counter) ? counter : default).ToArray();
        return mine.Any(counter => counter.ValueKind != JsonValueKind.Object)
            ? null
            : new(Packets(mine[0]), Packets(mine[1]), Bytes(mine[2]), Bytes(mine[3]));
    }

    private static long Packets(JsonElement counter) => counter.GetProperty("packets").GetInt64();

    private static long Bytes(JsonElement counter) => counter.GetProperty("bytes").GetInt64();
}
