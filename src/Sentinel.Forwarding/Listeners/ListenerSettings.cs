using System.Net;
using Sentinel.Backends;
using Sentinel.Forwarding.Prefaces;

namespace Sentinel.Forwarding.Listeners;

/// <summary>What a listener does with what it accepts.</summary>
public enum ListenerProtocol
{
    /// <summary>Relays bytes.</summary>
    Tcp,

    /// <summary>Proxies HTTP/1.1 and cleartext HTTP/2.</summary>
    Http,

    /// <summary>Terminates TLS and proxies the HTTP inside.</summary>
    Https,

    /// <summary>Passes TLS through by the name that the client asks for; answers it itself while nobody serves.</summary>
    Tls,
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

    /// <summary>The kernel's, by nftables, while the pool serves; Splice while it does not. Linux.</summary>
    Kernel,
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

/// <summary>TLS towards backends.</summary>
/// <param name="Verify">Whether a backend's certificate must be valid.</param>
/// <param name="ServerName">The name it must be for; null: the backend's address.</param>
/// <param name="CaFile">The authorities that may have signed it, in PEM; null: those of the system.</param>
public sealed record UpstreamTlsSettings(bool Verify = true, string? ServerName = null, string? CaFile = null);

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

    /// <summary>The header that tells a backend, before the client's first byte, who the client is.</summary>
    public ProxyProtocol ProxyProtocol { get; init; }

    /// <summary>Whose connections begin with a PROXY header: it is required of them, believed, and read from nobody else.</summary>
    public EquatableList<IPNetwork> AcceptProxyProtocolFrom { get; init; } = [];

    /// <summary>Whether the backend sees the client's own address as the source; see <see cref="Relay.TransparentRules"/>.</summary>
    public bool Transparent { get; init; }

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

    /// <summary>Requests a second of one client at most; zero: no limit.</summary>
    public int RequestsPerSecond { get; init; }

    /// <summary>Whether clients are sent to https instead of being served.</summary>
    public bool RedirectToHttps { get; init; }

    /// <summary>For how long clients are told to come by TLS alone (RFC 6797); zero: they are not told.</summary>
    public TimeSpan Hsts { get; init; }

    /// <summary>Whether and how TLS is spoken to backends; null: in clear.</summary>
    public UpstreamTlsSettings? UpstreamTls { get; init; }

    /// <summary>Whether something is read from files, which may have changed though the settings did not.</summary>
    internal bool NamesFiles => OutagePage is not null || UpstreamTls?.CaFile is not null;

    /// <summary>How long a client may take over its request header, and over what must come before.</summary>
    public TimeSpan HeaderTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
