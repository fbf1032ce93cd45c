namespace Sentinel.Recovery.Outages;

/// <summary>Numbers that look random and are not: what must differ between backends and yet be the same at every replay.</summary>
internal static class Spread
{
    /// <summary>FNV-1a of a name.</summary>
    public static ulong Seed(string name)
    {
        var hash = 0xcbf29ce484222325;
        foreach (var c in name)
        {
            hash = (hash ^ c) * 0x100000001b3;
        }

        return hash;
    }

    /// <summary>A fraction in [0, 1), evenly spread over successive seeds (SplitMix64: Steele, Lea, Flood 2014).</summary>
    public static double Fraction(ulong seed)
    {
        seed += 0x9e3779b97f4a7c15;
        seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9;
        seed = (seed ^ (seed >> 27)) * 0x94d049bb133111eb;
        return ((seed ^ (seed >> 31)) >> 11) / (double)(1UL << 53);
    }
}
