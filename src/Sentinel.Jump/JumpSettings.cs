using System.Net;
using Sentinel.Backends;
using Sentinel.Backends.Daemons;

namespace Sentinel.Jump;

/// <summary>The <c>ssh</c> section as configured, defaults filled in. Compared by value to find what a reload changed.</summary>
public sealed record JumpSettings
{
    /// <summary>Where the private sshd accepts users and tunnels. Not port 22 by default, where the machine's own may be.</summary>
    public EquatableList<IPEndPoint> Bind { get; init; } = [new(IPAddress.Any, 2222), new(IPAddress.IPv6Any, 2222)];

    /// <summary>The host name or address by which users reach it, as <c>ssh-config</c> prints it; null: the sentinel's name.</summary>
    public string? Host { get; init; }

    /// <summary>The shared account through which users jump; identity is by key.</summary>
    public string Account { get; init; } = "jump";

    /// <summary>The account to which VMs connect that nobody can reach; identity is by key, as everywhere.</summary>
    public string TunnelAccount { get; init; } = "tunnel";

    /// <summary>Where the private sshd logs, for the daemon to follow. Root makes it: who may write a name there may have root write elsewhere.</summary>
    public string Log { get; init; } = "/run/sentinel-sshd/log";

    /// <summary>Loopback network from which every backend gets one address of its own, for ever.</summary>
    public IPNetwork Addresses { get; init; } = IPNetwork.Parse("127.77.0.0/16");

    /// <summary>Where backends' own sshd listens.</summary>
    public int Port { get; init; } = 22;

    /// <summary>The port of stable addresses; null: as <see cref="Port"/>.</summary>
    public int? ListenPort { get; init; }

    /// <summary>The port of stable addresses.</summary>
    public int StablePort => ListenPort ?? Port;

    /// <summary>How long a connection to a stable address may wait for its backend.</summary>
    public TimeSpan Hold { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Where users are placed; null: each backend's users are those that the file or the backend names.</summary>
    public PoolId? Pool { get; init; }

    /// <summary>The public keys, one a line, of authorities whose SSH certificates are believed; null: none.</summary>
    public string? TrustedUserCaFile { get; init; }

    /// <summary>Whether and how users log in here under their own names; null: they only jump.</summary>
    public LoginSettings? Login { get; init; }

    /// <summary>Users by name, from the file.</summary>
    public EquatableList<UserSettings> Users { get; init; } = [];

    /// <summary>How users are fetched from backends; null: they are not.</summary>
    public KeySyncSettings? KeySync { get; init; }

    /// <summary>Run when a user is placed: program and arguments, in which <c>{user}</c>, <c>{address}</c>, <c>{backend}</c> and <c>{publicKey}</c> are replaced; empty: nothing is.</summary>
    public EquatableList<string> Provision { get; init; } = [];

    /// <summary>How long that may take.</summary>
    public TimeSpan ProvisionTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Whether the daemon sets routes to container networks where it may.</summary>
    public bool Routes { get; init; } = true;
}

/// <summary>One user from the file.</summary>
public sealed record UserSettings
{
    /// <summary>Matches <see cref="Users.UserName"/>.</summary>
    public required string Name { get; init; }

    /// <summary>Public keys as OpenSSH writes them.</summary>
    public EquatableList<string> Keys { get; init; } = [];

    /// <summary>A file with more of them, one a line; null: none.</summary>
    public string? KeysFile { get; init; }

    /// <summary>The backend that the user is placed on by hand; null: by placement, or by the backend that names the user.</summary>
    public BackendId? Backend { get; init; }

    /// <summary>Destinations besides the backend's stable address that the user may open, as <c>host:port</c>.</summary>
    public EquatableList<string> Allow { get; init; } = [];
}

/// <summary>How users and their keys are fetched from backends.</summary>
/// <param name="Endpoint">Where a backend's daemon answers.</param>
/// <param name="Interval">From one good fetch to the next.</param>
public sealed record KeySyncSettings(DaemonEndpoint Endpoint, TimeSpan Interval);
