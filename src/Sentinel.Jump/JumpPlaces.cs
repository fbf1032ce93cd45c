namespace Sentinel.Jump;

/// <summary>
/// What is where below the directory of the jump host. sshd reads key files as the user who logs in, and users find their
/// route there, so all may pass through the directory; what is private is for the owner alone.
/// </summary>
/// <param name="Directory">Absolute.</param>
public sealed record JumpPlaces(string Directory)
{
    /// <summary>The group of users who log in here and are sent on. It must have <see cref="RoutedGroupId"/>.</summary>
    public const string RoutedGroup = "sentinel-users";

    /// <summary>Its number, and the first below those of its users. Above what adduser and packages give, below what containers are given.</summary>
    public const int RoutedGroupId = 70_000;

    /// <summary>What the private sshd is told to run for sftp; the route recognizes it.</summary>
    public const string SftpMark = "sentinel-sftp";

    /// <summary>The private sshd's own key; the public one has <c>.pub</c> after it.</summary>
    public string HostKey => Path.Combine(Directory, "host_keys", "ssh_host_ed25519_key");

    /// <summary>Keys of the shared account.</summary>
    public string JumpKeys => Path.Combine(Directory, "keys", "jump");

    /// <summary>Keys of VMs that connect out.</summary>
    public string TunnelKeys => Path.Combine(Directory, "keys", "tunnels");

    /// <summary>A file for each user who logs in here.</summary>
    public string UserKeys => Path.Combine(Directory, "keys", "users");

    /// <summary>Of a key file: names in certificates that are as good as its keys. No user's name has a dot.</summary>
    public const string PrincipalsEnding = ".principals";

    /// <summary>
    /// A file for each user who is sent on: address, port, name there, and the name that the host key is kept under; in a second
    /// line the shared account, the sentinel's host name ("-": not known) and its port.
    /// </summary>
    public string Routes => Path.Combine(Directory, "routes");

    /// <summary>What the route is to tell users, by <see cref="Files.RouteMarks"/>.</summary>
    public string Marks => Path.Combine(Directory, "marks");

    /// <summary>Host keys of backends, by name.</summary>
    public string KnownHosts => Path.Combine(Directory, "known_hosts");

    /// <summary>The sentinel's own key for backends.</summary>
    public string UpstreamKey => Path.Combine(Directory, "upstream", "id_ed25519");

    /// <summary>The numbers of backends.</summary>
    public string Addresses => Path.Combine(Directory, "addresses.json");

    /// <summary>The numbers of users who log in here.</summary>
    public string Logins => Path.Combine(Directory, "logins.json");
}
