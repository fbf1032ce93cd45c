using Sentinel.Recovery.Clouds.Gce.Wire;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>Where instances are, by their names. Lists have been incomplete: what is missing here may exist all the same.</summary>
/// <param name="Unreachable">Zones that could not be asked.</param>
internal sealed record GceCensus(Dictionary<string, List<(string Zone, GceInstance Instance)>> Known, HashSet<string> Unreachable)
{
    public void Add(GceInstance instance)
    {
        if (!Known.TryGetValue(instance.Name, out var places))
        {
            Known[instance.Name] = places = [];
        }

        places.Add((GceDescription.Last(instance.Zone ?? ""), instance));
    }

    /// <summary>Where among these zones it is, if that can be told without looking closer; else null.</summary>
    /// <param name="last">Where it was when it was last described; null: not known.</param>
    public string? PlaceOf(string name, IReadOnlySet<string> zones, string? last)
    {
        if (Unreachable.Overlaps(zones) || !Known.TryGetValue(name, out var places))
        {
            return null;
        }

        // What is off somewhere may be what a move left behind.
        var here = places.Where(place => zones.Contains(place.Zone)).ToArray();
        var running = here.Where(place => place.Instance.Status is "RUNNING").ToArray();
        return running.Length == 1 ? running[0].Zone
            : here.Length == 1 && running.Length == 0 && (last is null || last == here[0].Zone) ? here[0].Zone
            : null;
    }
}
