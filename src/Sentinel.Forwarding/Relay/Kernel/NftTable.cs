using System.Net;
using Sentinel.Backends;

namespace Sentinel.Forwarding.Relay.Kernel;

/// <summary>What our table in the kernel is to do. Compared by value; <see cref="NftRules"/> renders it.</summary>
/// <param name="Sentinel">The sentinel's name, from which the table's is made.</param>
internal sealed record NftTable(string Sentinel, EquatableList<NftLane> Lanes)
{
    /// <summary>As nftables knows it: one for each sentinel of a machine.</summary>
    public string Name => NameFor(Sentinel);

    public static string NameFor(string sentinel) => NftName.Of("sentinel", sentinel);

    /// <summary>A table that needs of nftables and of the kernel whatever ours may ever need.</summary>
    public static NftTable Sample(string sentinel) => new(sentinel,
    [
        new()
        {
            Listener = "sample",
            At = [new(IPAddress.Any, 1), new(IPAddress.IPv6Any, 1)],
            EverAt = [new(IPAddress.Any, 1), new(IPAddress.IPv6Any, 1)],
            Targets = [new(new(IPAddress.Broadcast, 1), 1), new(new(IPAddress.Broadcast, 1), 2), new(new(IPAddress.IPv6Loopback, 1), 1)],
            EverTo = [new(IPAddress.Broadcast, 1), new(IPAddress.IPv6Loopback, 1)],
            MaxConnectionsPerClient = 1,
        },
    ]);

    /// <summary>Whether the other table has the same counters and sets, so that rules can be exchanged around them.</summary>
    public bool SharesObjectsWith(NftTable? other) =>
        other is not null && Lanes.Select(lane => lane.Listener).SequenceEqual(other.Lanes.Select(lane => lane.Listener));
}

/// <summary>One listener's part of the table.</summary>
internal sealed record NftLane
{
    /// <summary>The listener's name; unlike all others in the table.</summary>
    public required string Listener { get; init; }

    /// <summary>Where clients connect; the unspecified address stands for every address of this machine.</summary>
    public EquatableList<IPEndPoint> At { get; init; } = [];

    /// <summary>Who gets new connections. Those of one address family concern clients of that family; where there is none, user space accepts.</summary>
    public EquatableList<NftTarget> Targets { get; init; } = [];

    /// <summary>Where clients connected whose connections may still be open, <see cref="At"/> included.</summary>
    public EquatableList<IPEndPoint> EverAt { get; init; } = [];

    /// <summary>Backends that connections may still be open to, <see cref="Targets"/> included.</summary>
    public EquatableList<IPEndPoint> EverTo { get; init; } = [];

    /// <summary>Open connections of one client at most; zero: no limit.</summary>
    public int MaxConnectionsPerClient { get; init; }
}

/// <param name="Weight">Its share relative to the other targets, at least 1.</param>
internal readonly record struct NftTarget(IPEndPoint EndPoint, int Weight);
