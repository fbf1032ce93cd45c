using Sentinel.Forwarding.Routing;

namespace Sentinel.Forwarding.Listeners;

/// <summary>
/// What a connection was admitted under. A reload gives a listener new rules for newcomers; whoever is in keeps the
/// rules he came under, so that a reload never ends a connection that its old configuration allows. Immutable.
/// </summary>
internal sealed class ListenerRules
{
    public ListenerRules(Gate gate, ListenerSettings settings)
    {
        Gate = gate;
        Settings = settings;
        Destination = new(settings.Pool, settings.Port);
        Routes = new(settings.Routes, Destination);
    }

    /// <summary>Where to report what becomes of the connection. The same object over all reloads of a listener.</summary>
    public Gate Gate { get; }

    public ListenerSettings Settings { get; }

    /// <summary>Where a connection goes whose protocol has no routes.</summary>
    public Destination Destination { get; }

    /// <summary>Where a request goes.</summary>
    public RouteTable Routes { get; }
}
