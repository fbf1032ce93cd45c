namespace Sentinel.Jump;

/// <summary><c>ssh.login</c>: users log in at the sentinel under their own names and are sent on to their backends.</summary>
public sealed record LoginSettings
{
    /// <summary>Where libnss-extrausers reads accounts.</summary>
    public string Accounts { get; init; } = "/var/lib/extrausers";

    /// <summary>The program that sends them on.</summary>
    public string Program { get; init; } = "/usr/local/lib/sentinel/sentinel-route";

    /// <summary>The directory of the sockets of the agent that has the sentinel's own keys.</summary>
    public string Agent { get; init; } = "/run/sentinel-agent";

    /// <summary>Its socket for them.</summary>
    public string UsersAgent => Path.Combine(Agent, "users");

    /// <summary>Its socket for its owner, the daemon.</summary>
    public string OwnAgent => Path.Combine(Agent, "own");
}
