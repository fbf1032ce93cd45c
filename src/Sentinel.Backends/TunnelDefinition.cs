namespace Sentinel.Backends;

/// <summary>A backend that nobody can reach, and that connects out to the sentinel's sshd, which listens in its place.</summary>
/// <param name="Keys">The public keys that it may show, as OpenSSH writes them; two while one takes the other's place.</param>
/// <param name="Ports">Its ports that can be reached through the tunnel.</param>
public sealed record TunnelDefinition(EquatableList<string> Keys, EquatableList<int> Ports);
