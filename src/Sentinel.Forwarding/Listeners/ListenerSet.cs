using System.Collections.Immutable;

namespace Sentinel.Forwarding.Listeners;

/// <summary>The listeners in force and the addresses they accept on. Immutable; what it refers to lives on.</summary>
/// <param name="Listeners">In the order of the configuration.</param>
/// <param name="Bound">Every address of every listener.</param>
internal sealed record ListenerSet(ImmutableArray<Listener> Listeners, ImmutableDictionary<BindAddress, Bound> Bound)
{
    public static ListenerSet Empty { get; } = new([], ImmutableDictionary<BindAddress, Bound>.Empty);

    public Listener? Find(string name)
    {
        foreach (var listener in Listeners)
        {
            if (listener.Settings.Name == name)
            {
                return listener;
            }
        }

        return null;
    }
}
