using Sentinel.Backends;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>What the configuration says of one VM beyond its name. Compared by value.</summary>
internal sealed record GceWishes(EquatableList<Fallback> Fallbacks)
{
    public static GceWishes None { get; } = new([]);

    /// <summary>Where else it may be.</summary>
    public IEnumerable<string> OtherZones => Fallbacks.OfType<Fallback.OtherZone>().Select(other => other.Zone);

    /// <summary>Whether its disks may be copied to another zone.</summary>
    public bool MayBeCopied => Fallbacks.Any(fallback => fallback is Fallback.OtherZone { FromSnapshot: true });

    /// <summary>Whether its disks may be copied to that zone.</summary>
    public bool MayCopyTo(string zone) => Fallbacks.Any(fallback => fallback is Fallback.OtherZone { FromSnapshot: true } other && other.Zone == zone);

    /// <summary>Whether it is a spot VM that may be on demand at times; if not, how it is paid for is its owner's choice.</summary>
    public bool IsSpotAtHome => Fallbacks.Any(fallback => fallback is Fallback.OnDemand);

    /// <summary>Whether it may be of this type only because it fell back to it.</summary>
    public bool IsFallbackType(string machineType) => Fallbacks.OfType<Fallback.OtherMachine>().Any(other => other.MachineType == machineType);
}

/// <summary>What a VM is to be brought up as; null: as it is at home.</summary>
internal readonly record struct GceForm(string? Zone = null, bool FromSnapshot = false, string? MachineType = null, bool OnDemand = false)
{
    public static GceForm Of(Fallback fallback) => fallback switch
    {
        Fallback.OtherMachine other => new(MachineType: other.MachineType),
        Fallback.OtherZone other => new(other.Zone, other.FromSnapshot),
        _ => new(OnDemand: true),
    };
}
