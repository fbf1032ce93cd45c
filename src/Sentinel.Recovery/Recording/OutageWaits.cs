using Sentinel.Backends;

namespace Sentinel.Recovery.Recording;

/// <summary>Connections and requests that had to wait in the course of an outage; one that had to again counts again.</summary>
/// <param name="Held">All that began to.</param>
/// <param name="Served">Went on to a backend.</param>
/// <param name="Expired">Had waited as long as they might.</param>
/// <param name="Left">Went away by themselves.</param>
/// <param name="Refused">Were not let in: as many waited as may.</param>
public sealed record OutageWaits(int Held, int Served, int Expired, int Left, int Refused)
{
    internal static OutageWaits Of(Waits waits) => new(waits.Held, waits.Served, waits.Expired, waits.Left, waits.Refused);

    internal Waits ToWaits() => new(Held, Served, Expired, Left, Refused);
}
