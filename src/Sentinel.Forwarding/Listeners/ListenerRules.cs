using System.Globalization;
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
        Hsts = settings.Hsts > TimeSpan.Zero ? string.Create(CultureInfo.InvariantCulture, $"max-age={Math.Ceiling(settings.Hsts.TotalSeconds)}") : null;
        Proxies = settings.AcceptProxyProtocolFrom.Count > 0 ? new(settings.AcceptProxyProtocolFrom) : null;
    }

    /// <summary>Where to report what becomes of the connection. The same object over all reloads of a listener.</summary>
    public Gate Gate { get; }

    public ListenerSettings Settings { get; }

    /// <summary>Where a connection goes whose protocol has no routes.</summary>
    public Destination Destination { get; }

    /// <summary>The value of Strict-Transport-Security for answers that have none; null: they get none.</summary>
    public string? Hsts { get; }

    /// <summary>Who begins with a PROXY header; null: nobody.</summary>
    public ProxyNetworks? Proxies { get; }

    /// <summary>Where a request goes.</summary>
    public RouteTable Routes { get; }
}
