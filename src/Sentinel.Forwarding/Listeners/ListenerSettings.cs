using System.Net;
using Sentinel.Backends;

namespace Sentinel.Forwarding.Listeners;

/// <summary>What a listener does with what it accepts.</summary>
public enum ListenerProtocol
{
    /// <summary>Relays bytes.</summary>
    Tcp,

    /// <summary>Proxies HTTP/1.1 and cleartext HTTP/2.</summary>
    Http,
}

/// <summary>Which code copies the bytes of a <c>tcp</c> listener.</summary>
public enum RelayEngine
{
    /// <summary>The fastest that this system has.</summary>
    Auto,

    /// <summary>Sockets of .NET; any system.</summary>
    Managed,

    /// <summary>Loops of our own over epoll and splice(2); Linux.</summary>
    Splice,
}

/// <summary>One address to accept on: an IP address and port, or a socket that the service manager opened.</summary>
/// <param name="EndPoint">The address; null for a socket passed in.</param>
/// <param name="SocketName">The name of a passed socket (systemd.socket(5), FileDescriptorName=); null for an address.</param>
public readonly record struct BindAddress(IPEndPoint? EndPoint, string? SocketName)
{
    /// <summary>As the configuration file writes it.</summary>
    public override string ToString() => EndPoint?.ToString() ?? $"fd:{SocketName}";
}

/// <summary>Sends what matches to a pool other than the listener's own.</summary>
public sealed record RouteSettings
{
    /// <summary>Exact host or <c>*.suffix</c>, lower case; null for any.</summary>
    public string? Host { get; init; }

    /// <summary>Path prefix, matched by whole segments; null for any.</summary>
    public string? Path { get; init; }

    /// <summary>Where it goes.</summary>
    public required PoolId Pool { get; init; }

    /// <summary>The backend's port.</summary>
    public required int Port { get; init; }
}

/// <summary>One listener as configured, defaults filled in. Compared by value to find what a reload changed.</summary>
public sealed record ListenerSettings
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Where it accepts.</summary>
    public required EquatableList<BindAddress> Bind { get; init; }

    /// <summary>What it does.</summary>
    public required ListenerProtocol Protocol { get; init; }

    /// <summary>Where it goes unless a route matches.</summary>
    public required PoolId Pool { get; init; }

    /// <summary>The backend's port.</summary>
    public required int Port { get; init; }

    /// <summary>Most specific wins; order does not matter.</summary>
    public EquatableList<RouteSettings> Routes { get; init; } = [];

    /// <summary>How long a connection or request may wait for its pool; zero: not at all.</summary>
    public TimeSpan Hold { get; init; }

    /// <summary>How many may wait at once.</summary>
    public int HoldLimit { get; init; } = 1024;

    /// <summary>How many of those who waited are let through a second.</summary>
    public double HoldRelease { get; init; } = 200;

    /// <summary>Whether open connections to a backend that is declared down are closed; null: if the pool is active/standby.</summary>
    public bool? CloseOnDown { get; init; }

    /// <summary>For one attempt to reach a backend.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Closes a connection that moved nothing for so long; zero: never.</summary>
    public TimeSpan IdleTimeout { get; init; }

    /// <summary>Open connections at most.</summary>
    public int MaxConnections { get; init; } = 10_000;

    /// <summary>Open connections of one client at most; zero: no limit.</summary>
    public int MaxConnectionsPerClient { get; init; }

    /// <summary>How long open connections may finish when the listener goes away.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Which relay.</summary>
    public RelayEngine Engine { get; init; }

    /// <summary>A file shown instead of the built-in outage page; null: built in.</summary>
    public string? OutagePage { get; init; }

    /// <summary>Whether HTTP/2 is spoken.</summary>
    public bool Http2 { get; init; } = true;

    /// <summary>Bytes a request body may have; zero: no limit.</summary>
    public long MaxRequestBody { get; init; }

    /// <summary>How long a client may take over its request header.</summary>
    public TimeSpan HeaderTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
